package dev.catena.error;

/** Something about a device went wrong: the root of what devices throw. */
public class DeviceException extends CatenaException {
  private static final long serialVersionUID = 1;

  /** An error with its text. */
  public DeviceException(String message) {
    super(message);
  }

  /** An error with its text and what led to it. */
  public DeviceException(String message, Throwable cause) {
    super(message, cause);
  }
}
