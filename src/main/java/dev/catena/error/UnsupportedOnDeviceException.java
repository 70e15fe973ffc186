package dev.catena.error;

/** No engine on the device can do an operation. */
public final class UnsupportedOnDeviceException extends DeviceException {
  private static final long serialVersionUID = 1;

  private final String op;
  private final String shape;
  private final String why;

  /**
   * An operation that cannot be done.
   *
   * @param op the operation, for example {@code conv 3x3}
   * @param shape its shapes and element type
   * @param why what each engine said
   */
  public UnsupportedOnDeviceException(String op, String shape, String why) {
    super(op + " of " + shape + " is not supported on this device: " + why);
    this.op = op;
    this.shape = shape;
    this.why = why;
  }

  /** The operation. */
  public String op() {
    return op;
  }

  /** Its shapes. */
  public String shape() {
    return shape;
  }

  /** The reason of each engine. */
  public String why() {
    return why;
  }
}
