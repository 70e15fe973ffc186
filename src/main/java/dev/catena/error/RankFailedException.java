package dev.catena.error;

/** Another rank of a data-parallel run has failed, or the ranks do not fit each other. */
public final class RankFailedException extends CatenaException {
  private static final long serialVersionUID = 1;

  /** An error that names the rank. */
  public RankFailedException(String message) {
    super(message);
  }

  /** The same with what that rank threw. */
  public RankFailedException(String message, Throwable cause) {
    super(message, cause);
  }
}
