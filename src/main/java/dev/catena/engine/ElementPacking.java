package dev.catena.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.catena.graph.DType;
import java.lang.foreign.MemorySegment;

/** Elements of arrays in any element type, as fp32 values. */
final class ElementPacking {
  private ElementPacking() {}

  /** Writes element {@code index} of {@code target}. */
  static void put(MemorySegment target, DType dtype, long index, float value) {
    switch (dtype) {
      case FP32 -> target.setAtIndex(JAVA_FLOAT, index, value);
      case FP16, BF16 -> target.setAtIndex(JAVA_SHORT, index, dtype.toBits(value));
    }
  }

  /** Reads element {@code index} of {@code from}. */
  static float get(MemorySegment from, DType dtype, long index) {
    return switch (dtype) {
      case FP32 -> from.getAtIndex(JAVA_FLOAT, index);
      case FP16, BF16 -> dtype.fromBits(from.getAtIndex(JAVA_SHORT, index));
    };
  }
}
