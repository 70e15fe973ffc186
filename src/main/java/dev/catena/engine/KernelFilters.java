package dev.catena.engine;

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
record KernelFilters(int outputs, int channels, int taps, DType dtype) implements Packer {
  /** The packing of a convolution's K,C,R,S or a classifier's K,C. */
  static KernelFilters of(Shape shape, DType dtype) {
    int taps = shape.rank() == 4 ? shape.dim(2) * shape.dim(3) : 1;
    return new KernelFilters(shape.dim(0), shape.dim(1), taps, dtype);
  }

  /** Names the bytes. */
  String layout() {
    return "krsc8-" + dtype.suffix();
  }

  long bytes() {
    return (long) outputs * taps * Operand.packedPitch(channels) * dtype.bytes();
  }

  @Override
  public void pack(float[] values, MemorySegment target) {
    int pitch = Operand.packedPitch(channels);
    for (int k = 0; k < outputs; k++) {
      for (int c = 0; c < channels; c++) {
        int from = (k * channels + c) * taps;
        for (int tap = 0; tap < taps; tap++) {
          set(target, ((long) k * taps + tap) * pitch + c, values[from + tap]);
        }
      }
    }
  }

  private void set(MemorySegment target, long index, float value) {
    switch (dtype) {
      case FP32 -> target.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
      case FP16, BF16 -> target.setAtIndex(ValueLayout.JAVA_SHORT, index, dtype.toBits(value));
    }
  }
}
