package dev.catena.graph;

import dev.catena.error.GraphException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An immutable program: nodes in an order in which each comes after its inputs.
 *
 * <p>Thread-safe. Identity of a value is its id; node and parameter names are unique.
 */
public final class Graph {
  private final String name;
  private final List<Value> inputs;
  private final List<Node> nodes;
  private final List<Value> outputs;
  private final Map<Integer, Node> producers = new HashMap<>();
  private final Map<Integer, List<Node>> consumers = new HashMap<>();
  private final Map<Integer, Integer> outputUses = new HashMap<>();

  /**
   * A graph of given nodes.
   *
   * @param name for people
   * @param inputs the values that no node makes
   * @param nodes in order
   * @param outputs the values that the graph is run for
   * @throws GraphException if an input of a node is made later or not at all, does not fit the
   *     operation or makes something else than the node says, or if an id or a name occurs twice
   */
  public Graph(String name, List<Value> inputs, List<Node> nodes, List<Value> outputs) {
    this.name = name;
    this.inputs = List.copyOf(inputs);
    this.nodes = List.copyOf(nodes);
    this.outputs = List.copyOf(outputs);
    Map<Integer, Value> known = new HashMap<>();
    for (Value input : this.inputs) {
      if (known.put(input.id(), input) != null) {
        throw new GraphException("two inputs have the id of " + input);
      }
    }
    Set<String> names = new HashSet<>();
    for (Node node : this.nodes) {
      for (Value input : node.inputs()) {
        if (!input.equals(known.get(input.id()))) {
          throw new GraphException(
              node.name() + " reads " + input + ", which nothing before it makes");
        }
        consumers.computeIfAbsent(input.id(), _ -> new ArrayList<>()).add(node);
      }
      requireWhatItMakes(node);
      for (Value made : node.outputs()) {
        if (known.put(made.id(), made) != null) {
          throw new GraphException(node.name() + " makes a value that exists: " + made);
        }
        producers.put(made.id(), node);
      }
      if (!names.add(node.name())) {
        throw new GraphException("two nodes are named " + node.name());
      }
    }
    for (Value output : this.outputs) {
      if (!output.equals(known.get(output.id()))) {
        throw new GraphException("the output " + output + " is made by no node");
      }
      outputUses.merge(output.id(), 1, Integer::sum);
    }
  }

  /** Memory is planned by what values say of themselves: it must be what their nodes make. */
  private static void requireWhatItMakes(Node node) {
    if (node.op() instanceof Op.Parameter) {
      return; // Its shape is given.
    }
    DType dtype = node.output().dtype();
    List<Signature.Made> all = Signature.infer(node.name(), node.op(), node.inputs(), dtype);
    for (int i = 0; i < all.size(); i++) {
      Signature.Made made = all.get(i);
      Value output = node.output(i);
      if (!output.shape().equals(made.shape()) || output.layout() != made.layout()) {
        throw new GraphException(
            "%s makes %s %s, not %s %s"
                .formatted(
                    node.name(), made.layout(), made.shape(), output.layout(), output.shape()));
      }
    }
  }

  /** For people. */
  public String name() {
    return name;
  }

  /** The values that no node makes: the batch; in a slice's body also its constants. */
  public List<Value> inputs() {
    return inputs;
  }

  /** All nodes in execution order, those on parameters included. */
  public List<Node> nodes() {
    return nodes;
  }

  /** The values that the graph is run for. */
  public List<Value> outputs() {
    return outputs;
  }

  /** The nodes that run with every batch, in order: all but those on parameters. */
  public List<Node> steps() {
    return nodes.stream().filter(n -> !(n.op() instanceof Op.OnParameters)).toList();
  }

  /** The parameters, in order of first definition. */
  public List<Node> parameters() {
    return nodes.stream().filter(n -> n.op() instanceof Op.Parameter).toList();
  }

  /** The parameters that a gradient changes: all but running statistics and what is frozen. */
  public List<Node> trainable() {
    return parameters().stream().filter(n -> !isFrozen(n) && !isStatistic(n)).toList();
  }

  private static boolean isFrozen(Node parameter) {
    return ((Op.Parameter) parameter.op()).frozen();
  }

  /** The node that makes {@code value}, or null for an input. */
  @SuppressWarnings("exports") // Who reads the annotation brings it.
  public @Nullable Node producer(Value value) {
    return producers.get(value.id());
  }

  /** The nodes that read {@code value}, in order; one that reads it twice is there twice. */
  public List<Node> consumers(Value value) {
    return Collections.unmodifiableList(consumers.getOrDefault(value.id(), List.of()));
  }

  /** Whether the graph is run for {@code value}. */
  public boolean isOutput(Value value) {
    return outputUses.containsKey(value.id());
  }

  /** How often {@code value} is read, its being an output of the graph included. */
  public int uses(Value value) {
    return consumers(value).size() + outputUses.getOrDefault(value.id(), 0);
  }

  /** Number of elements of all parameters, running statistics apart. */
  public long parameterCount() {
    return parameters().stream()
        .filter(n -> !isStatistic(n))
        .mapToLong(n -> n.output().shape().elements())
        .sum();
  }

  /** Multiply-adds of all convolutions and linear layers for the whole batch. */
  public long multiplyAdds() {
    return nodes.stream().mapToLong(MultiplyAdds::of).sum();
  }

  private boolean isStatistic(Node parameter) {
    return consumers(parameter.output()).stream()
        .anyMatch(
            n ->
                switch (n.op()) {
                  case Op.BatchNorm _ -> n.inputs().indexOf(parameter.output()) >= 3;
                  case TrainingOp.RunningMean _,
                      TrainingOp.RunningVariance _,
                      TrainingOp.RunningStatistics _ ->
                      true;
                  default -> false;
                });
  }

  /** The nodes, one a line. */
  @Override
  public String toString() {
    return nodes.stream()
        .map(n -> n.output() + " = " + n.op() + n.inputs().stream().map(Value::name).toList())
        .collect(Collectors.joining("\n", name + " " + inputs + "\n", "\n"));
  }
}
