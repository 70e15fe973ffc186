package dev.catena.device;

/** The device has less memory left than was asked for. */
public final class OutOfDeviceMemoryException extends DeviceException {
  private static final long serialVersionUID = 1;

  private final long requested;
  private final long free;
  private final long total;

  /** Sizes in bytes. */
  public OutOfDeviceMemoryException(String device, long requested, long free, long total) {
    super(
        "out of memory on %s: %,d bytes requested, %,d of %,d bytes free"
            .formatted(device, requested, free, total));
    this.requested = requested;
    this.free = free;
    this.total = total;
  }

  /** Bytes asked for. */
  public long requested() {
    return requested;
  }

  /** Bytes that were free. */
  public long free() {
    return free;
  }

  /** Bytes that the device has. */
  public long total() {
    return total;
  }
}
