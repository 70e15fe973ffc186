package dev.catena.error;

/**
 * What was to fill a kernel's parameters differs from the kernel's parameter struct: one of the two
 * was changed alone, or they are of different builds.
 */
public final class KernelMismatchException extends DeviceException {
  private static final long serialVersionUID = 1;

  /**
   * A field that differs.
   *
   * @param parameters the name of what was to fill them
   * @param index of the field
   * @param expected type and name of the struct's field, or {@code nothing}
   * @param given type and name of what was given, or {@code nothing}
   */
  public KernelMismatchException(
      String kernel, String parameters, int index, String expected, String given) {
    super(
        "kernel %s takes %s as field %d of its parameters, and %s has %s; change the struct in kernels/ and its launch alike, and build both"
            .formatted(kernel, expected, index, parameters, given));
  }
}
