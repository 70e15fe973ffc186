package dev.catena.engine.kernel;

import dev.catena.engine.Operand;
import dev.catena.engine.Packer;
import dev.catena.graph.DType;
import dev.catena.graph.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Filters as our convolution kernels read them: K,C,R,S in fp32 to K,R,S,C in the kernel's type,
 * with zeros up to the next multiple of eight channels.
 *
 * @param outputs K
 * @param channels C, of one group
 * @param taps R·S
 */
public record KernelFilters(int outputs, int channels, int taps, DType dtype) implements Packer {
  /** The packing of a convolution's K,C,R,S or a classifier's K,C. */
  public static KernelFilters of(Shape shape, DType dtype) {
    int taps = shape.rank() == 4 ? shape.dim(2) * shape.dim(3) : 1;
    return new KernelFilters(shape.dim(0), shape.dim(1), taps, dtype);
  }

  /** Names the bytes. */
  String layout() {
    return "krsc8-" + dtype.suffix();
  }

  /** Bytes of the packed form. */
  public long bytes() {
    return (long) outputs * taps * Operand.packedPitch(channels) * dtype.bytes();
  }

  /** Fills the channels of {@code target} and leaves the padding as it is. */
  @Override
  public void pack(float[] values, MemorySegment target) {
    each((given, packed) -> set(target, packed, values[given]));
  }

  /** The fp32 values of {@code packed} in the order K,C,R,S. */
  public float[] unpack(MemorySegment packed) {
    float[] values = new float[Math.multiplyExact(Math.multiplyExact(outputs, channels), taps)];
    each((given, at) -> values[given] = get(packed, at));
    return values;
  }

  private interface Element {
    void visit(int given, long packed);
  }

  /** Every element's index in K,C,R,S and in K,R,S,C with padding. */
  private void each(Element element) {
    int pitch = Operand.packedPitch(channels);
    for (int k = 0; k < outputs; k++) {
      for (int c = 0; c < channels; c++) {
        int from = (k * channels + c) * taps;
        for (int tap = 0; tap < taps; tap++) {
          element.visit(from + tap, ((long) k * taps + tap) * pitch + c);
        }
      }
    }
  }

  private float get(MemorySegment packed, long index) {
    return switch (dtype) {
      case FP32 -> packed.getAtIndex(ValueLayout.JAVA_FLOAT, index);
      case FP16, BF16 -> dtype.fromBits(packed.getAtIndex(ValueLayout.JAVA_SHORT, index));
    };
  }

  private void set(MemorySegment target, long index, float value) {
    switch (dtype) {
      case FP32 -> target.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
      case FP16, BF16 -> target.setAtIndex(ValueLayout.JAVA_SHORT, index, dtype.toBits(value));
    }
  }
}
