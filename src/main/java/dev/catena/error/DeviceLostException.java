package dev.catena.error;

/** A call on a device that an earlier failure has made useless. */
public final class DeviceLostException extends DeviceException {
  private static final long serialVersionUID = 1;

  private final CudaException first;

  /** Names the device and its first failure. */
  public DeviceLostException(String device, CudaException first) {
    super("device " + device + " is lost since " + first.getMessage(), first);
    this.first = first;
  }

  /** The failure that lost the device. */
  public CudaException first() {
    return first;
  }
}
