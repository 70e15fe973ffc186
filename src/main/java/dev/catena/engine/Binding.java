package dev.catena.engine;

import dev.catena.graph.DType;

/** Addresses for one {@link Problem}. Fixed for the life of the {@link Work} prepared with them. */
public interface Binding {
  /** Device address of the first element of the input at {@code index}, which is no constant. */
  long input(int index);

  /** Device address of the first element of the output at {@code index}. */
  long output(int index);

  /** That of the first output. */
  default long output() {
    return output(0);
  }

  /** Device address of as many bytes as {@link Offer#workspace} says, 256-byte aligned. */
  long workspace();

  /**
   * The fp32 values of the constant at {@code index}, in the checkpoint's order. Not to be changed.
   */
  float[] values(int index);

  /**
   * Device address of the constant at {@code index} in an engine's own layout. It is packed and
   * uploaded at the first call; others of the same constant and layout share it, in whatever
   * program, lane or batch size.
   *
   * @param index of the input
   * @param layout names the packing, its parameters included: equal names mean equal bytes
   * @param bytes of the packed form
   * @param packer fills them
   */
  long constant(int index, String layout, long bytes, Packer packer);

  /** Device address of the constant vector at {@code index} in an element type. */
  default long vector(int index, DType dtype, int length) {
    return constant(
        index,
        "vector-" + dtype.suffix(),
        (long) length * dtype.bytes(),
        (values, target) -> {
          for (int i = 0; i < length; i++) {
            ElementPacking.put(target, dtype, i, values[i]);
          }
        });
  }
}
