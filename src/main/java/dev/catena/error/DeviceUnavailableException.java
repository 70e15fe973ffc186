package dev.catena.error;

/** The device asked for is not there; the text says what was found and what to do. */
public final class DeviceUnavailableException extends DeviceException {
  private static final long serialVersionUID = 1;

  /** One sentence: the device, what was found, what to do. */
  public DeviceUnavailableException(String message) {
    super(message);
  }
}
