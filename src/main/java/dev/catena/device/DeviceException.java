package dev.catena.device;

/** Something about a device went wrong: the root of this package's exceptions. */
public class DeviceException extends RuntimeException {
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
