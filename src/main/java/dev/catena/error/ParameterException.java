package dev.catena.error;

/** Parameters gave something else than the values of a parameter. */
public final class ParameterException extends CatenaException {
  private static final long serialVersionUID = 1;

  /** An error that names the parameter and what it should have. */
  public ParameterException(String message) {
    super(message);
  }
}
