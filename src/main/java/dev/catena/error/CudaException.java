package dev.catena.error;

/** A driver call failed. */
public class CudaException extends DeviceException {
  private static final long serialVersionUID = 1;

  private final String function;
  private final int code;
  private final String name;
  private final boolean sticky;

  /**
   * A failed call.
   *
   * @param function the driver's function
   * @param code its {@code CUresult}
   * @param name the code's name, for example {@code CUDA_ERROR_ILLEGAL_ADDRESS}
   * @param sticky whether the device is lost
   * @param detail where it happened and what the driver says of it
   */
  public CudaException(String function, int code, String name, boolean sticky, String detail) {
    super(function + " failed with " + name + " (" + code + ")" + detail);
    this.function = function;
    this.code = code;
    this.name = name;
    this.sticky = sticky;
  }

  /** The driver's function that failed, or that reported the failure of earlier work. */
  public final String function() {
    return function;
  }

  /** The {@code CUresult}. */
  public final int code() {
    return code;
  }

  /** The name of the code. */
  public final String name() {
    return name;
  }

  /** True if the device is lost: every later call throws {@link DeviceLostException}. */
  public final boolean sticky() {
    return sticky;
  }
}
