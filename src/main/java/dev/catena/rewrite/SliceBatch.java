package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The stem runs over slices of the batch: its full-size intermediates, the largest of many a
 * network, never exist for the whole batch at once.
 *
 * <pre>
 * y = Pool(Conv(FromNchw(batch), w))   →   y = InSlices[images](batch, w)
 * </pre>
 *
 * The chain begins with the conversion of the batch and ends with the first pool; each of its
 * values has one reader. A graph without such a chain, or a batch that is one slice, stays as it
 * is.
 *
 * @param images of a slice; if they do not divide the batch, its largest divisor below them
 */
public record SliceBatch(int images) implements Rewrite {
  public SliceBatch {
    if (images < 1) {
      throw new IllegalArgumentException("a slice has at least one image: " + images);
    }
  }

  @Override
  public Graph apply(Graph graph) {
    List<Node> chain = stem(graph);
    int batch = chain.isEmpty() ? 1 : chain.getFirst().input(0).shape().n();
    if (images >= batch) {
      return graph;
    }
    int slice = images;
    while (batch % slice != 0) {
      slice--;
    }
    Node last = chain.getLast();
    Graph body = body(graph.name() + ".stem", chain, slice);
    List<Value> inputs = new ArrayList<>(body.inputs());
    inputs.set(0, chain.getFirst().input(0));
    Node sliced = new Node(last.name(), new Op.InSlices(body, slice), inputs, last.output());
    List<Node> nodes = new ArrayList<>(graph.nodes());
    nodes.set(nodes.indexOf(last), sliced);
    nodes.removeAll(chain);
    return new Graph(graph.name(), graph.inputs(), nodes, graph.outputs());
  }

  private static List<Node> stem(Graph graph) {
    if (graph.inputs().isEmpty()) {
      return List.of();
    }
    List<Node> chain = new ArrayList<>();
    Value at = graph.inputs().getFirst();
    while (graph.uses(at) == 1) {
      Node next = graph.consumers(at).getFirst();
      boolean constants = next.inputs().stream().skip(1).allMatch(Value::isConstant);
      if (!sliceable(next.op()) || !next.input(0).equals(at) || !constants) {
        return List.of();
      }
      chain.add(next);
      if (next.op() instanceof Op.Pool) {
        return chain;
      }
      at = next.output();
    }
    return List.of();
  }

  private static boolean sliceable(Op op) {
    return switch (op) {
      case Op.FromNchw _, Op.Conv _, Op.ScaleShift _, Op.Relu _, Op.Pool _ -> true;
      default -> false;
    };
  }

  private static Graph body(String name, List<Node> chain, int images) {
    List<Node> nodes = new ArrayList<>();
    Set<Value> constants = new LinkedHashSet<>();
    for (Node node : chain) {
      node.inputs().stream().filter(Value::isConstant).forEach(constants::add);
      List<Value> inputs = node.inputs().stream().map(v -> slice(v, images)).toList();
      nodes.add(new Node(node.name(), node.op(), inputs, slice(node.output(), images)));
    }
    List<Value> inputs = new ArrayList<>();
    inputs.add(slice(chain.getFirst().input(0), images));
    inputs.addAll(constants);
    return new Graph(name, inputs, nodes, List.of(nodes.getLast().output()));
  }

  private static Value slice(Value v, int images) {
    return v.layout() == Layout.PARAMETER
        ? v
        : new Value(v.id(), v.name(), v.shape().withImages(images), v.dtype(), v.layout());
  }
}
