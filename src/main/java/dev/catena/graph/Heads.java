package dev.catena.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The layers of a network that make logits: its classifier, and auxiliary ones. */
public final class Heads {
  private Heads() {}

  /** The nodes, each a fully connected layer or a convolution, in the order of the graph. */
  public static List<Node> of(Graph graph) {
    List<Node> heads = new ArrayList<>();
    for (Node node : graph.nodes()) {
      Node head = makesLogits(node, graph) ? layer(graph, node) : null;
      if (head != null && !heads.contains(head)) {
        heads.add(head);
      }
    }
    return heads;
  }

  /** The names of their parameters. */
  public static Set<String> parameters(Graph graph) {
    return of(graph).stream()
        .flatMap(head -> head.inputs().stream())
        .map(graph::producer)
        .filter(node -> node != null && node.op() instanceof Op.Parameter)
        .map(Node::name)
        .collect(Collectors.toSet());
  }

  private static boolean makesLogits(Node node, Graph graph) {
    return node.op() instanceof Op.Auxiliary || graph.isOutput(node.output());
  }

  private static @Nullable Node layer(Graph graph, @Nullable Node last) {
    Node node = last;
    while (node != null && !(node.op() instanceof Op.Linear || node.op() instanceof Op.Conv)) {
      node = node.inputs().isEmpty() ? null : graph.producer(node.input(0));
    }
    return node;
  }
}
