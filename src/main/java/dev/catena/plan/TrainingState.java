package dev.catena.plan;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What training keeps from step to step, in one piece of memory: arenas of weights, momentum and
 * gradients, all in fp32 and of one layout, so that the optimizer is one launch over flat arrays.
 *
 * <p>An arena has the filters first ({@link dev.catena.graph.Layout#FILTERS}), then the vectors;
 * that of the weights ends with frozen parameters and running statistics, and in 16 bits a fourth
 * arena has copies of the filters, which are what convolutions read. Immutable and thread-safe.
 */
public final class TrainingState {
  /** Threads that add up gradients, each into a number of its own. */
  public static final int NORM_THREADS = 1 << 14;

  private static final long ALIGNMENT = Planner.ALIGNMENT / Float.BYTES;

  /**
   * A parameter's place in an arena.
   *
   * @param parameter its node
   * @param first elements of the arena before it, a multiple of 64
   * @param elements that it takes: filters with their padding
   */
  public record Slot(Node parameter, long first, long elements) {
    private long end() {
      return Math.ceilDiv(first + elements, ALIGNMENT) * ALIGNMENT;
    }
  }

  private final Graph graph;
  private final DType dtype;
  private final List<Slot> trainable = new ArrayList<>();
  private final List<Slot> fixed = new ArrayList<>();
  private final long filterElements;
  private final long elements;
  private final long fixedFilterElements;
  private final long allElements;

  private TrainingState(Graph step, DType dtype) {
    this.graph = step;
    this.dtype = dtype;
    List<Node> learned = step.trainable();
    filterElements = append(learned.stream().filter(TrainingState::isFilters), trainable, 0);
    elements = append(learned.stream().filter(n -> !isFilters(n)), trainable, filterElements);
    Set<String> names = learned.stream().map(Node::name).collect(Collectors.toSet());
    List<Node> rest = step.parameters().stream().filter(n -> !names.contains(n.name())).toList();
    long filters = append(rest.stream().filter(TrainingState::isFilters), fixed, elements);
    fixedFilterElements = filters - elements;
    allElements = append(rest.stream().filter(n -> !isFilters(n)), fixed, filters);
  }

  /**
   * The state of a training step.
   *
   * @param step whose last outputs are the gradients of its trainable parameters
   * @param dtype in which activations are stored
   */
  public static TrainingState of(Graph step, DType dtype) {
    return new TrainingState(step, dtype);
  }

  private static boolean isFilters(Node parameter) {
    return parameter.output().shape().rank() > 1;
  }

  private static long append(Stream<Node> parameters, List<Slot> slots, long first) {
    long next = first;
    for (Node parameter : parameters.toList()) {
      Shape shape = parameter.output().shape();
      long size = isFilters(parameter) ? Placement.filterElements(shape) : shape.elements();
      Slot slot = new Slot(parameter, next, size);
      slots.add(slot);
      next = slot.end();
    }
    return next;
  }

  /** The parameters that have gradients, filters first. */
  public List<Slot> trainable() {
    return trainable;
  }

  /** Frozen filters, then frozen vectors and running statistics: in the arena of weights alone. */
  public List<Slot> fixed() {
    return fixed;
  }

  /** Elements of the arenas of momentum and gradients; as many of the weights are trained. */
  public long elements() {
    return elements;
  }

  /** Elements of filters, with which each arena begins. */
  public long filterElements() {
    return filterElements;
  }

  /** Bytes before the arena of weights. */
  public long weights() {
    return 0;
  }

  /** Bytes before the arena of momentum. */
  public long momentum() {
    return weights() + allElements * Float.BYTES;
  }

  /** Bytes before the arena of gradients. */
  public long gradients() {
    return momentum() + elements * Float.BYTES;
  }

  /** Bytes before the copies of filters in 16 bits. */
  public long copies() {
    return gradients() + elements * Float.BYTES;
  }

  /** Bytes before what the optimizer adds up the gradients' norm in: fp32, one a thread. */
  public long norm() {
    return copies()
        + (dtype == DType.FP32 ? 0 : (filterElements + fixedFilterElements) * dtype.bytes());
  }

  /** Bytes before the optimizer's numbers. */
  public long numbers() {
    return norm() + (long) NORM_THREADS * Float.BYTES;
  }

  /** Bytes of all. */
  public long bytes() {
    return numbers() + Planner.ALIGNMENT;
  }

  /** Bytes of weights, running statistics and copies of filters. */
  public long weightBytes() {
    return momentum() + norm() - copies();
  }

  /** Bytes of gradients and momentum, and what the optimizer computes with. */
  public long optimizerBytes() {
    return bytes() - weightBytes();
  }

  /** All parameters: those with gradients, then the others. */
  public List<Slot> all() {
    return Stream.concat(trainable.stream(), fixed.stream()).toList();
  }

  /** Bytes before the copy of {@code slot} in 16 bits; empty if it has none. */
  public Optional<Long> copy(Slot slot) {
    if (dtype == DType.FP32 || !isFilters(slot.parameter())) {
      return Optional.empty();
    }
    long before = slot.first() < elements ? slot.first() : slot.first() - elements + filterElements;
    return Optional.of(copies() + before * dtype.bytes());
  }

  /** The values of the step that lie in this memory, not in the arena of activations. */
  public List<Value> values() {
    Map<Integer, Long> places = addresses(0);
    return graph.outputs().stream().filter(v -> places.containsKey(v.id())).toList();
  }

  /**
   * Where parameters lie as the steps read them, and what the steps write here: gradients, and the
   * running statistics over those before.
   *
   * @param base address of this memory
   * @return by the value's id
   */
  public Map<Integer, Long> addresses(long base) {
    Map<Integer, Long> addresses = new HashMap<>();
    for (Slot slot : all()) {
      addresses.put(
          slot.parameter().output().id(),
          base + copy(slot).orElse(weights() + slot.first() * Float.BYTES));
    }
    List<Node> learned = graph.trainable();
    List<Value> outputs = graph.outputs();
    List<Value> made = outputs.subList(outputs.size() - learned.size(), outputs.size());
    Map<String, Value> gradientsByName = new HashMap<>();
    for (int i = 0; i < learned.size(); i++) {
      gradientsByName.put(learned.get(i).name(), made.get(i));
    }
    for (Slot slot : trainable) {
      Value gradient = gradientsByName.get(slot.parameter().name());
      addresses.put(gradient.id(), base + gradients() + slot.first() * Float.BYTES);
    }
    for (Node node : graph.nodes()) {
      if (node.op() instanceof TrainingOp.RunningMean
          || node.op() instanceof TrainingOp.RunningVariance) {
        addresses.put(node.output().id(), addresses.get(node.input(0).id()));
      }
    }
    return addresses;
  }
}
