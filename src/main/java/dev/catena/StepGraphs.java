package dev.catena;

import dev.catena.device.Device;
import dev.catena.device.Event;
import dev.catena.device.ExecutableGraph;
import dev.catena.device.Stream;
import dev.catena.engine.Work;
import dev.catena.graph.Node;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.plan.TrainingState;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A training step, captured: one graph for one rank; for several, graphs between which gradients
 * are added up over the ranks, in buckets as the backward pass makes them, and statistics are
 * merged if that is wanted.
 */
final class StepGraphs implements AutoCloseable {
  /** Floats of a bucket, 4 MiB: many enough that a sum is bound by bandwidth, not by latency. */
  private static final long BUCKET = 1 << 20;

  private final Stream stream;
  private final Ranks ranks;
  private final Deque<Runnable> opened = new ArrayDeque<>();
  private final List<Part> parts = new ArrayList<>();
  private final List<Bucket> buckets;
  private final Event summed;

  /** The update, where gradients are added up before it; last in {@link #parts} otherwise. */
  private final List<ExecutableGraph> update = new ArrayList<>();

  /** Works up to {@code end}, and what is merged after them. */
  private record Part(int end, ExecutableGraph graph, Event done, List<Runnable> merges) {}

  /**
   * Neighbouring gradients that are added up at once.
   *
   * @param ready how many works have run when they are complete
   */
  private record Bucket(int ready, long address, long count) {}

  /**
   * Captures a step.
   *
   * @param works one for each node of {@code program} that computes
   * @param base address of the state
   */
  StepGraphs(
      Device device,
      Stream stream,
      Program program,
      List<Work> works,
      Optimizer optimizer,
      Addresses addresses,
      TrainingState state,
      long base,
      Ranks ranks,
      boolean synchronised) {
    this.stream = stream;
    this.ranks = ranks;
    List<Node> nodes = program.computing();
    buckets = ranks.alone() ? List.of() : buckets(nodes, state, base, addresses);
    Map<Integer, List<Runnable>> merges =
        ranks.alone() || !synchronised ? Map.of() : merges(nodes, addresses);
    TreeSet<Integer> ends = new TreeSet<>(merges.keySet());
    buckets.forEach(bucket -> ends.add(bucket.ready()));
    ends.add(works.size());
    try {
      summed = device.newEvent();
      opened.push(summed::close);
      int first = 0;
      for (int end : ends) {
        List<Work> some = works.subList(first, end);
        boolean whole = ranks.alone();
        ExecutableGraph graph =
            capture(
                () -> {
                  some.forEach(work -> work.enqueue(stream));
                  if (whole) {
                    optimizer.enqueue(stream);
                  }
                });
        Event done = device.newEvent();
        opened.push(done::close);
        parts.add(new Part(end, graph, done, merges.getOrDefault(end, List.of())));
        first = end;
      }
      if (!ranks.alone()) {
        update.add(capture(() -> optimizer.enqueue(stream)));
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private ExecutableGraph capture(Runnable work) {
    ExecutableGraph graph = stream.capture(work);
    opened.push(graph::close);
    return graph;
  }

  /** From the last gradients of the arena to the first, as the backward pass makes them. */
  private static List<Bucket> buckets(
      List<Node> nodes, TrainingState state, long base, Addresses addresses) {
    Map<Long, Integer> readyAt = new HashMap<>();
    for (int i = 0; i < nodes.size(); i++) {
      for (Value output : nodes.get(i).outputs()) {
        Long address = addresses.external().get(output.id());
        if (address != null) {
          readyAt.merge(address, i + 1, Math::max);
        }
      }
    }
    List<Bucket> buckets = new ArrayList<>();
    List<TrainingState.Slot> slots = state.trainable();
    long end = state.elements();
    int ready = 0;
    for (int i = slots.size() - 1; i >= 0; i--) {
      TrainingState.Slot slot = slots.get(i);
      long address = base + state.gradients() + slot.first() * Float.BYTES;
      ready = Math.max(ready, readyAt.getOrDefault(address, nodes.size()));
      boolean border = slot.first() == state.filterElements(); // Vectors are in a bucket of theirs.
      if (end - slot.first() >= BUCKET || border || i == 0) {
        buckets.add(new Bucket(ready, address, end - slot.first()));
        end = slot.first();
        ready = 0;
      }
    }
    buckets.sort((a, b) -> Integer.compare(a.ready(), b.ready()));
    return buckets;
  }

  /** The merges, by the number of works before them. */
  private Map<Integer, List<Runnable>> merges(List<Node> nodes, Addresses addresses) {
    Map<Integer, List<Runnable>> merges = new HashMap<>();
    Set<Integer> sums = new HashSet<>();
    for (int i = 0; i < nodes.size(); i++) {
      Node node = nodes.get(i);
      switch (node.op()) {
        case TrainingOp.BatchStatistics _, TrainingOp.ConvStatistics _ ->
            add(merges, i + 1, node.outputs().getLast(), true, addresses);
        case TrainingOp.BatchNormGradient _ -> {
          if (sums.add(node.input(2).id())) {
            add(merges, i, node.input(2), false, addresses);
          }
        }
        default -> {}
      }
    }
    return merges;
  }

  private void add(
      Map<Integer, List<Runnable>> merges,
      int after,
      Value value,
      boolean statistics,
      Addresses addresses) {
    long first = addresses.of(value);
    long second = addresses.image(value, 1);
    int channels = value.shape().c();
    merges
        .computeIfAbsent(after, _ -> new ArrayList<>())
        .add(() -> ranks.merge(first, second, channels, statistics, stream));
  }

  /** Runs the step; the stream is done when it is. */
  void launch() {
    if (ranks.alone()) {
      parts.getFirst().graph().launch(stream);
      return;
    }
    int next = 0;
    Part before = null;
    for (Part part : parts) {
      part.graph().launch(stream);
      stream.record(part.done());
      // Those of the part before, while this one runs.
      next = before == null ? next : sum(next, before);
      before = part;
      part.merges().forEach(Runnable::run);
    }
    sum(next, before);
    ranks.stream().record(summed);
    stream.waitFor(summed);
    update.forEach(graph -> graph.launch(stream));
  }

  private int sum(int next, Part part) {
    int i = next;
    for (; i < buckets.size() && buckets.get(i).ready() <= part.end(); i++) {
      if (i == next) {
        ranks.stream().waitFor(part.done());
      }
      ranks.sum(buckets.get(i).address(), buckets.get(i).count());
    }
    return i;
  }

  /** Launches of a step. */
  int nodes() {
    int nodes = parts.stream().mapToInt(part -> part.graph().nodes()).sum();
    return nodes + update.stream().mapToInt(ExecutableGraph::nodes).sum();
  }

  @Override
  public void close() {
    while (!opened.isEmpty()) {
      opened.pop().run();
    }
  }
}
