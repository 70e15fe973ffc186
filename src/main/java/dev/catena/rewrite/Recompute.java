package dev.catena.rewrite;

import dev.catena.error.GraphException;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * What is cheap to compute is not kept for the backward pass, but computed again when that first
 * reads it.
 *
 * <pre>
 * b = Conv(x, w1, s, t); … loss …; d = ConvWgrad(g, b)
 *                     →   b = Conv(x, w1, s, t); … loss …; b' = Conv(x, w1, s, t); d = ConvWgrad(g, b')
 * </pre>
 *
 * Same operation, same inputs, same bits.
 *
 * @param wanted which nodes
 */
public record Recompute(Predicate<Node> wanted) implements Rewrite {
  /** Conversions of the batch and pools that normalise: a pass over memory, no arithmetic. */
  public static Recompute elementwise() {
    return new Recompute(
        node ->
            switch (node.op()) {
              case Op.FromNchw _ -> true;
              case Op.Pool p -> p.prologue() != Op.Prologue.NONE;
              default -> false;
            });
  }

  /** As {@link #elementwise}, and bottlenecks: 1x1 convolutions of a normalisation. */
  public static Recompute bottlenecks() {
    return new Recompute(
        elementwise()
            .wanted()
            .or(
                node ->
                    switch (node.op()) {
                      case Op.Conv c -> isBottleneck(c);
                      case TrainingOp.ConvStatistics c -> isBottleneck(c.conv());
                      default -> false;
                    }));
  }

  private static boolean isBottleneck(Op.Conv conv) {
    return conv.pointwise() && conv.prologue() != Op.Prologue.NONE;
  }

  @Override
  public Graph apply(Graph graph) {
    return new Pass(graph).run();
  }

  private final class Pass {
    private final Graph graph;
    private final List<Node> nodes = new ArrayList<>();
    private final Map<Integer, Value> again = new HashMap<>();
    private int nextId;

    Pass(Graph graph) {
      this.graph = graph;
      graph.inputs().forEach(v -> nextId = Math.max(nextId, v.id() + 1));
      for (Node node : graph.nodes()) {
        node.outputs().forEach(v -> nextId = Math.max(nextId, v.id() + 1));
      }
    }

    Graph run() {
      int backward = firstBackward();
      nodes.addAll(graph.nodes().subList(0, backward));
      Map<Integer, Node> cheap = new HashMap<>();
      nodes.stream()
          .filter(wanted)
          .filter(n -> !isPlaced(n.output()))
          .forEach(n -> cheap.put(n.output().id(), n));
      for (Node node : graph.nodes().subList(backward, graph.nodes().size())) {
        List<Value> inputs = node.inputs().stream().map(v -> again(v, cheap)).toList();
        nodes.add(new Node(node.name(), node.op(), inputs, node.outputs()));
      }
      return new Graph(graph.name(), graph.inputs(), nodes, graph.outputs());
    }

    /** The value that a backward node reads in place of {@code value}. */
    private Value again(Value value, Map<Integer, Node> cheap) {
      Node maker = cheap.get(value.id());
      Value there = again.get(value.id());
      if (maker == null || there != null) {
        return maker == null ? value : there;
      }
      String name = maker.name() + ".again";
      List<Value> inputs = maker.inputs().stream().map(v -> again(v, cheap)).toList();
      List<Value> outputs = maker.outputs().stream().map(this::copy).toList();
      nodes.add(new Node(name, maker.op(), inputs, outputs));
      again.put(value.id(), outputs.getFirst());
      return outputs.getFirst();
    }

    private Value copy(Value value) {
      return new Value(
          nextId++, value.name() + ".again", value.shape(), value.dtype(), value.layout());
    }

    /** A value in a concatenation is kept with it, whatever it costs to compute. */
    private boolean isPlaced(Value value) {
      return graph.consumers(value).stream().anyMatch(n -> n.op() instanceof Op.Join);
    }

    private int firstBackward() {
      for (int i = 0; i < graph.nodes().size(); i++) {
        if (graph.nodes().get(i).op() instanceof TrainingOp.SoftmaxCrossEntropyBackward) {
          return i;
        }
      }
      throw new GraphException(graph.name() + " has no backward pass; differentiate it first");
    }
  }
}
