package dev.catena.onnx;

import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * What a Slice takes of one axis.
 *
 * @param start the first index
 * @param step from one to the next; not 0
 * @param count how many
 */
record Picks(int start, int step, int count) {
  /**
   * Of every axis.
   *
   * @param dims of what is sliced
   * @param constants the node's input at an index, or null; before opset 10 attributes say the same
   */
  static List<Picks> of(OnnxNode node, List<Integer> dims, IntFunction<List<Long>> constants) {
    boolean attributes = node.hasAttribute("starts");
    List<Long> starts = attributes ? node.longs("starts") : constants.apply(1);
    List<Long> ends = attributes ? node.longs("ends") : constants.apply(2);
    List<Long> axes = attributes ? node.longs("axes") : constants.apply(3);
    List<Long> steps = attributes ? null : constants.apply(4);
    if (starts == null || ends == null) {
      throw new Unsupported("it is not said from where to where");
    }
    List<Picks> picks = new ArrayList<>();
    dims.forEach(extent -> picks.add(new Picks(0, 1, extent)));
    for (int i = 0; i < starts.size(); i++) {
      boolean given = axes != null && !axes.isEmpty();
      int axis = given ? ShapeOperators.axis(Math.toIntExact(axes.get(i)), dims.size()) : i;
      int extent = dims.get(axis);
      int step = steps == null ? 1 : (int) Math.clamp(steps.get(i), -extent - 1L, extent + 1L);
      if (step == 0) {
        throw new Unsupported("it goes nowhere, by " + steps);
      }
      boolean back = step < 0;
      int start = ShapeOperators.bound(starts.get(i), back ? extent - 1 : extent, extent);
      int end =
          back
              ? ends.get(i) < -extent ? -1 : ShapeOperators.bound(ends.get(i), extent - 1, extent)
              : ShapeOperators.bound(ends.get(i), extent, extent);
      int count = back ? Math.ceilDiv(start - end, -step) : Math.ceilDiv(end - start, step);
      picks.set(axis, new Picks(start, step, Math.max(0, count)));
    }
    return picks;
  }

  /** Whether it is the whole of an axis. */
  boolean all(int extent) {
    return start == 0 && step == 1 && count == extent;
  }

  /** Whether it is every so many of an axis from the first on. */
  boolean every(int extent) {
    return start == 0 && step > 0 && count == Math.ceilDiv(extent, step);
  }

  /** The same as coordinates. */
  List<Float> coordinates() {
    return indices().mapToObj(i -> (float) i).toList();
  }

  /** The indices. */
  IntStream indices() {
    return IntStream.range(0, count).map(i -> start + i * step);
  }
}
