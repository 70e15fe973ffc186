package dev.catena.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.catena.graph.DType;
import java.lang.foreign.MemorySegment;

/** Writes fp32 values in another element type. */
public final class ElementPacking {

  private ElementPacking() {}

  /** One value as element {@code index} of {@code target}. */
  public static void put(MemorySegment target, DType dtype, long index, float value) {
    switch (dtype) {
      case FP32 -> target.setAtIndex(JAVA_FLOAT, index, value);
      case FP16, BF16 -> target.setAtIndex(JAVA_SHORT, index, dtype.toBits(value));
    }
  }

  /** {@code count} values from {@code from} on as elements {@code index} and following. */
  public static void put(
      MemorySegment target, DType dtype, long index, float[] values, int from, int count) {
    for (int i = 0; i < count; i++) {
      put(target, dtype, index + i, values[from + i]);
    }
  }
}
