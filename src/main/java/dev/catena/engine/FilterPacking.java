package dev.catena.engine;

import dev.catena.graph.DType;
import dev.catena.graph.Shape;
import java.lang.foreign.MemorySegment;

/**
 * Filters as convolutions read them: K,C,R,S in fp32 to K,R,S,C in another type, with zeros between
 * the channels of one tap and those of the next.
 *
 * @param outputs K
 * @param channels C, of one group
 * @param taps R·S
 * @param pitch elements from one tap to the next
 */
public record FilterPacking(int outputs, int channels, int taps, int pitch, DType dtype)
    implements Packer {
  /**
   * The packing of a convolution's K,C,R,S or a classifier's K,C, channels rounded up to the next
   * multiple of eight.
   */
  public static FilterPacking of(Shape shape, DType dtype) {
    return of(shape, Operand.packedPitch(shape.dim(1)), dtype);
  }

  /** The same without gaps. */
  public static FilterPacking dense(Shape shape, DType dtype) {
    return of(shape, shape.dim(1), dtype);
  }

  private static FilterPacking of(Shape shape, int pitch, DType dtype) {
    int taps = shape.rank() == 4 ? shape.dim(2) * shape.dim(3) : 1;
    return new FilterPacking(shape.dim(0), shape.dim(1), taps, pitch, dtype);
  }

  /** The constant at {@code index} in this packing. */
  public long upload(Binding binding, int index) {
    String layout = "krsc-" + pitch + "-" + dtype.suffix();
    return binding.constant(index, layout, (long) outputs * taps * pitch * dtype.bytes(), this);
  }

  /** Fills the channels of {@code target} and leaves the padding as it is. */
  @Override
  public void pack(float[] values, MemorySegment target) {
    each((given, packed) -> ElementPacking.put(target, dtype, packed, values[given]));
  }

  /** The fp32 values of {@code packed} in the order K,C,R,S. */
  public float[] unpack(MemorySegment packed) {
    float[] values = new float[Math.multiplyExact(Math.multiplyExact(outputs, channels), taps)];
    each((given, at) -> values[given] = ElementPacking.get(packed, dtype, at));
    return values;
  }

  private interface Element {
    void visit(int given, long packed);
  }

  /** Every element's index in K,C,R,S and in K,R,S,C with padding. */
  private void each(Element element) {
    for (int k = 0; k < outputs; k++) {
      for (int c = 0; c < channels; c++) {
        int from = (k * channels + c) * taps;
        for (int tap = 0; tap < taps; tap++) {
          element.visit(from + tap, ((long) k * taps + tap) * pitch + c);
        }
      }
    }
  }
}
