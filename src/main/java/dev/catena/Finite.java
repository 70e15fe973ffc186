package dev.catena;

import dev.catena.device.Stream;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Checks that values are numbers, neither NaN nor infinite. */
final class Finite {
  private Finite() {}

  static boolean all(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  /** True if all outputs of {@code node} are finite, once the stream has computed them. */
  static boolean all(Node node, Addresses addresses, Stream stream) {
    return node.outputs().stream().allMatch(v -> all(v, addresses, stream));
  }

  private static boolean all(Value value, Addresses addresses, Stream stream) {
    boolean activation = value.layout() == Layout.NHWC;
    int channels = activation ? value.shape().c() : Math.toIntExact(value.shape().elements());
    int pitch = activation ? addresses.plan().view(value).pitch() : channels;
    long pixels = activation ? value.shape().pixels() : 1;
    long elements = (pixels - 1) * pitch + channels;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment found = arena.allocate(elements * value.dtype().bytes(), Float.BYTES);
      stream.copyToHost(found, addresses.of(value));
      stream.synchronize();
      for (long i = 0; i < elements; i++) {
        if (i % pitch < channels && !Float.isFinite(at(found, value.dtype(), i))) {
          return false;
        }
      }
      return true;
    }
  }

  private static float at(MemorySegment values, DType dtype, long index) {
    return dtype == DType.FP32
        ? values.getAtIndex(ValueLayout.JAVA_FLOAT, index)
        : dtype.fromBits(values.getAtIndex(ValueLayout.JAVA_SHORT, index));
  }
}
