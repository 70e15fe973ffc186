package dev.catena.plan;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All memory of a graph, known before any is taken: each activation's view, each buffer's life and
 * offset. Immutable and thread-safe.
 */
public final class MemoryPlan {
  private final Graph graph;
  private final Placement placement;
  private final List<Buffer> buffers;
  private final long[] live;
  private final Map<Integer, Integer> scratch;
  private final Map<Integer, MemoryPlan> bodies;

  MemoryPlan(
      Graph graph,
      Placement placement,
      List<Buffer> buffers,
      Map<Integer, Integer> scratch,
      Map<Integer, MemoryPlan> bodies) {
    this.graph = graph;
    this.placement = placement;
    this.buffers = List.copyOf(buffers);
    this.live = Arrays.copyOf(liveBytes(buffers), placement.steps().size());
    this.scratch = Map.copyOf(scratch);
    this.bodies = Map.copyOf(bodies);
  }

  /** The planned graph. */
  public Graph graph() {
    return graph;
  }

  /** Which view each activation has. */
  public Placement placement() {
    return placement;
  }

  /** The nodes that run, in order; lifetimes count in their indices. */
  public List<Node> steps() {
    return placement.steps();
  }

  /** The view of {@code value}. */
  public View view(Value value) {
    return placement.view(value);
  }

  /** All buffers, by id. */
  public List<Buffer> buffers() {
    return buffers;
  }

  /** The scratch memory of step {@code i}. */
  public Optional<Buffer> scratch(int i) {
    return Optional.ofNullable(scratch.get(i)).map(buffers::get);
  }

  /** The plan of the body of step {@code i}, which lies in that step's scratch memory. */
  public MemoryPlan body(int i) {
    return bodies.get(i);
  }

  /** Size of the arena: activations, the batch, the result and scratch; weights are apart. */
  public long peakBytes() {
    return peakBytes(buffers);
  }

  static long peakBytes(List<Buffer> buffers) {
    return buffers.stream().mapToLong(Buffer::end).max().orElse(0);
  }

  /** The largest sum of buffers that live together: no packing needs less. */
  public long lowerBoundBytes() {
    return lowerBoundBytes(buffers);
  }

  static long lowerBoundBytes(List<Buffer> buffers) {
    return Arrays.stream(liveBytes(buffers)).max().orElse(0);
  }

  /** Sum of the buffers that live during a step. */
  public long liveBytes(int step) {
    return live[step];
  }

  /** The first step at which the most memory is live. */
  public int peakStep() {
    int peak = 0;
    for (int step = 1; step < steps().size(); step++) {
      if (live[step] > live[peak]) {
        peak = step;
      }
    }
    return peak;
  }

  /** The sum of the buffers that live, step by step. */
  private static long[] liveBytes(List<Buffer> buffers) {
    int steps = 1 + buffers.stream().mapToInt(Buffer::lastStep).max().orElse(-1);
    long[] live = new long[steps + 1];
    for (Buffer buffer : buffers) {
      live[buffer.firstStep()] += buffer.bytes();
      live[buffer.lastStep() + 1] -= buffer.bytes();
    }
    for (int step = 1; step < live.length; step++) {
      live[step] += live[step - 1];
    }
    return live;
  }

  /** The copies that could not be avoided: node names and reasons, in order. */
  public Map<String, String> copies() {
    Map<String, String> copies = new LinkedHashMap<>();
    for (Node step : steps()) {
      if (step.op() instanceof Op.Copy copy) {
        copies.put(step.name(), copy.why());
      }
    }
    return copies;
  }

  /**
   * Bytes of the constants that the steps read: filters in the activations' type, vectors in fp32.
   */
  public long weightBytes() {
    Map<Integer, Long> bytes = new HashMap<>();
    for (Node step : steps()) {
      for (Value input : step.inputs()) {
        if (input.isConstant()) {
          int size = input.shape().rank() > 1 ? step.output().dtype().bytes() : Float.BYTES;
          bytes.put(input.id(), input.shape().elements() * size);
        }
      }
    }
    return bytes.values().stream().mapToLong(Long::longValue).sum();
  }

  /** The plan in words: peak, bound, and the buffers that make the peak, largest first. */
  public String report() {
    return PlanReport.text(this);
  }
}
