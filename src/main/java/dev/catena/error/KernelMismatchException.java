package dev.catena.error;

/**
 * A record that was to fill a kernel's parameters differs from the kernel's parameter struct: one
 * of the two was changed alone, or they are of different builds.
 */
public final class KernelMismatchException extends DeviceException {
  private static final long serialVersionUID = 1;

  /**
   * A field that differs.
   *
   * @param parameters the record's name
   * @param index of the field
   * @param expected type and name of the struct's field, or {@code nothing}
   * @param given type and name of the record's component, or {@code nothing}
   */
  public KernelMismatchException(
      String kernel, String parameters, int index, String expected, String given) {
    super(
        "kernel %s takes %s as field %d of its parameters, and %s has %s; change the struct in kernels/ and the record alike, and build both"
            .formatted(kernel, expected, index, parameters, given));
  }
}
