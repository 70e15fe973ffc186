package dev.catena.rewrite;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Rebuilds a graph node by node, in order. A pass looks upwards: when it visits a node, everything
 * that the node reads has been rebuilt, so a pattern is recognised at its last node and what it
 * replaces is left without a reader and dropped at the end.
 */
final class Editor {
  /** What a pass does at each node: returns the value that stands for the node's output. */
  @FunctionalInterface
  interface Visitor {
    /**
     * Visits a node whose inputs are already values of the new graph.
     *
     * @param node with rebuilt inputs and its old output
     */
    Value visit(Node node, Editor editor);
  }

  private final Graph old;
  private final List<Node> nodes = new ArrayList<>();
  private final Map<Integer, Node> producers = new HashMap<>();
  private final Map<Integer, Value> rebuilt = new HashMap<>();
  private final Map<Integer, Integer> uses = new HashMap<>();
  private final List<Value> newInputs = new ArrayList<>();
  private final List<Value> newOutputs = new ArrayList<>();
  private int nextId;

  private Editor(Graph old) {
    this.old = old;
    for (Value input : old.inputs()) {
      rebuilt.put(input.id(), input);
      nextId = Math.max(nextId, input.id() + 1);
    }
    for (Node node : old.nodes()) {
      node.outputs().forEach(v -> nextId = Math.max(nextId, v.id() + 1));
    }
  }

  /** The graph that {@code visitor} makes of {@code graph}. */
  static Graph rewrite(Graph graph, Visitor visitor) {
    Editor editor = new Editor(graph);
    for (Node node : graph.nodes()) {
      List<Value> inputs = node.inputs().stream().map(editor::rebuilt).toList();
      Node moved = new Node(node.name(), node.op(), inputs, node.outputs());
      Value result = visitor.visit(moved, editor);
      node.outputs().forEach(v -> editor.rebuilt.putIfAbsent(v.id(), v));
      editor.rebuilt.put(node.output().id(), result);
      editor.uses.merge(result.id(), graph.uses(node.output()), Integer::sum);
    }
    List<Value> inputs = concat(graph.inputs(), editor.newInputs);
    List<Value> outputs =
        concat(graph.outputs().stream().map(editor::rebuilt).toList(), editor.newOutputs);
    return new Graph(graph.name(), inputs, editor.alive(outputs), outputs);
  }

  private static List<Value> concat(List<Value> first, List<Value> second) {
    return Stream.concat(first.stream(), second.stream()).toList();
  }

  /** The node as it is. */
  Value keep(Node node) {
    nodes.add(node);
    node.outputs().forEach(v -> producers.put(v.id(), node));
    return node.output();
  }

  /** A new input of the graph, after those there are: packed fp32. */
  Value addInput(String name, Shape shape) {
    Value value = new Value(nextId++, name, shape, DType.FP32, Layout.DENSE);
    newInputs.add(value);
    return value;
  }

  /** Makes {@code value} an output of the graph, after those there are. */
  void addOutput(Value value) {
    newOutputs.add(value);
  }

  /** A new node in the place of {@code node}: same name and output. */
  Value replace(Node node, Op op, Value... inputs) {
    return keep(new Node(node.name(), op, List.of(inputs), node.output()));
  }

  /**
   * A node moves to the place of {@code node}, whose output it makes; its other outputs are kept.
   *
   * @param moved a new node, left without a reader but by {@code node}
   * @param op what it computes now
   * @param more an input after those that it has
   */
  Value move(Node moved, Node node, Op op, Value more) {
    nodes.remove(nodes.lastIndexOf(moved));
    List<Value> inputs = new ArrayList<>(moved.inputs());
    inputs.add(more);
    List<Value> outputs = new ArrayList<>(moved.outputs());
    outputs.set(0, node.output());
    return keep(new Node(moved.name(), op, inputs, outputs));
  }

  /** A new vector of {@code count} equal numbers. */
  Value constant(String name, float value, int count) {
    return add(name, new Op.Filled(value, count));
  }

  /** A new node with an output of its own. */
  Value add(String name, Op op, Value... inputs) {
    return keep(Node.of(name, op, List.of(inputs), DType.FP32, () -> nextId++));
  }

  /** The new node that makes {@code value}, or null for an input of the graph. */
  Node producer(Value value) {
    return producers.get(value.id());
  }

  /** How often the old graph reads what {@code value} stands for. */
  int uses(Value value) {
    return uses.getOrDefault(value.id(), 0);
  }

  /** The readers, in the old graph, of what {@code node} made there. */
  List<Node> oldConsumers(Node node) {
    return old.consumers(node.output());
  }

  private Value rebuilt(Value value) {
    return rebuilt.get(value.id());
  }

  private List<Node> alive(List<Value> outputs) {
    Set<Integer> needed = new HashSet<>();
    Deque<Value> open = new ArrayDeque<>(outputs);
    nodes.stream()
        .filter(n -> n.op() instanceof Op.Auxiliary) // nobody reads it before training is lowered
        .forEach(n -> open.push(n.output()));
    while (!open.isEmpty()) {
      Value value = open.pop();
      if (needed.add(value.id()) && producers.containsKey(value.id())) {
        producers.get(value.id()).inputs().forEach(open::push);
      }
    }
    return nodes.stream()
        .filter(n -> n.outputs().stream().anyMatch(v -> needed.contains(v.id())))
        .toList();
  }
}
