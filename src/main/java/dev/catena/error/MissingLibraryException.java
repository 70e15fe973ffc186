package dev.catena.error;

/** A library of Java that only some uses of Catena need is not on the class or module path. */
public final class MissingLibraryException extends CatenaException {
  private static final long serialVersionUID = 1;

  /** Says which, and what to do. */
  public MissingLibraryException(String message, Throwable cause) {
    super(message, cause);
  }
}
