package dev.catena.error;

/** The device has less memory left than was asked for. */
public final class OutOfDeviceMemoryException extends DeviceException {
  private static final long serialVersionUID = 1;

  private final long requested;
  private final long free;
  private final long total;

  /** Sizes in bytes. */
  public OutOfDeviceMemoryException(String device, long requested, long free, long total) {
    this(device, requested, free, total, "");
  }

  /** Sizes in bytes, and what would fit instead. */
  public OutOfDeviceMemoryException(
      String device, long requested, long free, long total, String advice) {
    super(
        "out of memory on %s: %,d bytes requested, %,d of %,d bytes free%s"
            .formatted(device, requested, free, total, advice.isEmpty() ? "" : "; " + advice));
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
