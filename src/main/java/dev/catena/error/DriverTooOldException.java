package dev.catena.error;

/** The NVIDIA driver does not know the PTX version of Catena's kernels. */
public final class DriverTooOldException extends CudaException {
  private static final long serialVersionUID = 1;

  private final String ptx;
  private final String driver;

  /** Names the kernel file's PTX version and the driver's CUDA version. */
  public DriverTooOldException(CudaException failure, String file, String ptx, String driver) {
    super(
        failure.function(),
        failure.code(),
        failure.name(),
        failure.sticky(),
        (": kernel file %s is PTX %s, which the installed driver (CUDA %s) does not know;"
                + " update the NVIDIA driver")
            .formatted(file, ptx, driver));
    this.ptx = ptx;
    this.driver = driver;
  }

  /** The version of the PTX language that the kernels need, for example {@code 9.0}. */
  public String ptxVersion() {
    return ptx;
  }

  /** The CUDA version that the driver supports, for example {@code 12.4}. */
  public String driverVersion() {
    return driver;
  }
}
