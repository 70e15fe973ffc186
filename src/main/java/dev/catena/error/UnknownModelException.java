package dev.catena.error;

import java.util.List;

/** The catalogue has no model of that name. */
public final class UnknownModelException extends CatenaException {
  private static final long serialVersionUID = 1;

  /** An error that names the nearest models. */
  public UnknownModelException(String name, List<String> nearest) {
    super("there is no model " + name + "; the nearest are " + String.join(", ", nearest));
  }
}
