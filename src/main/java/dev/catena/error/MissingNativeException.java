package dev.catena.error;

/** A native library, or a function of it, was used that this machine does not have. */
public final class MissingNativeException extends CatenaException {
  private static final long serialVersionUID = 1;

  /** Says what was looked for, where, and the remedy. */
  public MissingNativeException(String message) {
    super(message);
  }
}
