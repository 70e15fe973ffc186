package dev.catena.error;

/**
 * The root of what Catena itself finds wrong: a file, a network, a device, a training run. The
 * message names the place and the remedy.
 *
 * <p>A call that its documentation forbids, such as one on a closed session, is answered with
 * {@link IllegalArgumentException} or {@link IllegalStateException}; a file that cannot be reached
 * with {@link java.io.IOException}.
 */
public abstract class CatenaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** An error with its text. */
  protected CatenaException(String message) {
    super(message);
  }

  /** An error with its text and what led to it. */
  protected CatenaException(String message, Throwable cause) {
    super(message, cause);
  }
}
