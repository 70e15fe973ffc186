package dev.catena.plan;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;

/**
 * Gives each buffer its offset, so that buffers that live together do not overlap and the arena is
 * small. Pure.
 *
 * <p>Greedy: buffers in some order, each at the lowest offset that is free during its whole life.
 * Packing is NP-hard; a few orders are tried and the smallest arena wins.
 */
public final class Planner {
  /** Offsets and sizes are multiples of this many bytes: what any vector or copy engine wants. */
  public static final int ALIGNMENT = 256;

  private static final Comparator<Buffer> LARGEST =
      Comparator.comparingLong((Buffer b) -> -b.bytes());

  private static final Comparator<Buffer> LARGEST_AREA =
      Comparator.comparingLong((Buffer b) -> -b.bytes() * (b.lastStep() - b.firstStep() + 1))
          .thenComparingInt(Buffer::firstStep);

  private static final Comparator<Buffer> EARLIEST =
      Comparator.comparingInt(Buffer::firstStep).thenComparing(LARGEST);

  private static final Comparator<Buffer> LONGEST =
      Comparator.comparingInt((Buffer b) -> b.firstStep() - b.lastStep()).thenComparing(LARGEST);

  private static final List<Comparator<Buffer>> ORDERS =
      List.of(LARGEST, LARGEST_AREA, EARLIEST, LONGEST);

  private Planner() {}

  /** The plan of a graph whose steps need no scratch memory. */
  public static MemoryPlan plan(Graph graph) {
    return plan(graph, _ -> 0);
  }

  /**
   * The plan of a graph.
   *
   * @param graph to be run
   * @param workspace bytes of scratch memory of a step; asked for every step, those of slices'
   *     bodies included
   */
  public static MemoryPlan plan(Graph graph, ToLongFunction<Node> workspace) {
    return plan(graph, List.of(), workspace);
  }

  /**
   * The plan of a graph, some of whose values lie elsewhere.
   *
   * @param external values that have no buffer, each alone in memory that the caller has: their
   *     views are {@link View#EXTERNAL}
   */
  public static MemoryPlan plan(Graph graph, List<Value> external, ToLongFunction<Node> workspace) {
    return plan(graph, Placement.of(graph, external), workspace);
  }

  private static MemoryPlan plan(Graph graph, Placement placement, ToLongFunction<Node> workspace) {
    List<Buffer> buffers = new ArrayList<>();
    placement.buffers().forEach(b -> buffers.add(aligned(b)));
    Map<Integer, MemoryPlan> bodies = new HashMap<>();
    Map<Integer, Integer> scratch = new HashMap<>();
    List<Node> steps = placement.steps();
    for (int i = 0; i < steps.size(); i++) {
      Node step = steps.get(i);
      long bytes;
      if (step.op() instanceof Op.InSlices slices) {
        MemoryPlan body = plan(slices.body(), Placement.ofBody(step, placement), workspace);
        bodies.put(i, body);
        bytes = body.peakBytes();
      } else {
        bytes = workspace.applyAsLong(step);
      }
      if (bytes > 0) {
        scratch.put(i, buffers.size());
        buffers.add(
            aligned(
                new Buffer(buffers.size(), step.name(), Buffer.Owner.WORKSPACE, bytes, i, i, 0)));
      }
    }
    return new MemoryPlan(graph, placement, pack(buffers), scratch, bodies);
  }

  private static Buffer aligned(Buffer b) {
    long bytes = Math.ceilDiv(b.bytes(), ALIGNMENT) * ALIGNMENT;
    return new Buffer(b.id(), b.name(), b.owner(), bytes, b.firstStep(), b.lastStep(), 0);
  }

  private static List<Buffer> pack(List<Buffer> buffers) {
    long bound = MemoryPlan.lowerBoundBytes(buffers);
    List<Buffer> best = null;
    for (Comparator<Buffer> order : ORDERS) {
      List<Buffer> packed = pack(buffers, order);
      if (best == null || MemoryPlan.peakBytes(packed) < MemoryPlan.peakBytes(best)) {
        best = packed;
      }
      if (MemoryPlan.peakBytes(best) == bound) {
        break;
      }
    }
    return best;
  }

  private static List<Buffer> pack(List<Buffer> buffers, Comparator<Buffer> order) {
    Packing packing = new Packing(buffers.size());
    return buffers.stream()
        .sorted(order)
        .map(packing::place)
        .sorted(Comparator.comparingInt(Buffer::id))
        .toList();
  }
}
