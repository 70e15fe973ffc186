package dev.catena.model;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Heads;
import dev.catena.graph.Network;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A network that tells another number of classes apart: its {@linkplain Heads last layers} have
 * that many outputs, and the rest stays as it is.
 *
 * @param network the network
 * @param classes how many
 */
public record NetworkWithClasses(Network network, int classes) implements WrappedNetwork {
  @Override
  public int imageSize() {
    return network.imageSize();
  }

  @Override
  public Graph graph(int batch, int height, int width, DType dtype) {
    return withClasses(network.graph(batch, height, width, dtype));
  }

  @Override
  public Graph trainingGraph(int batch, int height, int width, DType dtype) {
    return withClasses(network.trainingGraph(batch, height, width, dtype));
  }

  @Override
  public Graph graph(int batch, DType dtype) {
    return withClasses(network.graph(batch, dtype));
  }

  @Override
  public Graph trainingGraph(int batch, DType dtype) {
    return withClasses(network.trainingGraph(batch, dtype));
  }

  private Graph withClasses(Graph graph) {
    Set<String> resized = Heads.parameters(graph);
    Map<Integer, Value> changed = new HashMap<>();
    List<Node> nodes = new ArrayList<>();
    for (Node node : graph.nodes()) {
      Node made = node;
      if (resized.contains(node.name())) {
        made = resized(node);
      } else if (node.inputs().stream().anyMatch(v -> changed.containsKey(v.id()))) {
        made = inferred(node, changed);
      }
      for (int i = 0; i < made.outputs().size(); i++) {
        if (!made.output(i).equals(node.output(i))) {
          changed.put(node.output(i).id(), made.output(i));
        }
      }
      nodes.add(made);
    }
    List<Value> outputs =
        graph.outputs().stream().map(v -> changed.getOrDefault(v.id(), v)).toList();
    return new Graph(graph.name(), graph.inputs(), nodes, outputs);
  }

  private Node resized(Node parameter) {
    Value old = parameter.output();
    List<Integer> dims = new ArrayList<>(old.shape().dims());
    dims.set(0, classes);
    Shape shape = new Shape(dims);
    Value value = new Value(old.id(), old.name(), shape, old.dtype(), old.layout());
    return new Node(parameter.name(), (Op.Parameter) parameter.op(), List.of(), value);
  }

  private static Node inferred(Node node, Map<Integer, Value> changed) {
    List<Value> inputs = node.inputs().stream().map(v -> changed.getOrDefault(v.id(), v)).toList();
    Iterator<Value> ids = node.outputs().iterator();
    return Node.of(node.name(), node.op(), inputs, node.output().dtype(), () -> ids.next().id());
  }
}
