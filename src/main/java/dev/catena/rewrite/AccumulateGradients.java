package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.HashSet;
import java.util.Set;

/**
 * A gradient that is added to another is added by what makes it, in place; the gradient buffer of a
 * dense block is the only one.
 *
 * <pre>
 * d = ConvDgrad(g, w, …); y = Add(a, d)   →   y = ConvDgrad[accumulate](g, w, …, a)
 * </pre>
 *
 * Where both could, the later one does.
 */
public record AccumulateGradients() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return new Pass(graph).run();
  }

  private static final class Pass {
    private final Graph graph;

    /** Values that have been read: what makes them stays where it is. */
    private final Set<Integer> read = new HashSet<>();

    Pass(Graph graph) {
      this.graph = graph;
    }

    Graph run() {
      return Editor.rewrite(graph, this::visit);
    }

    private Value visit(Node node, Editor editor) {
      node.inputs().forEach(v -> read.add(v.id()));
      if (!(node.op() instanceof Op.Add add) || add.relu()) {
        return editor.keep(node);
      }
      for (int i = 1; i >= 0; i--) {
        Value there = node.input(1 - i);
        Node maker = editor.producer(node.input(i));
        if (maker != null && editor.uses(node.input(i)) == 1 && canMove(maker)) {
          return editor.move(maker, node, accumulating(maker), there);
        }
      }
      return editor.keep(node);
    }

    private boolean canMove(Node maker) {
      return maker.op() instanceof TrainingOp.Accumulating a
          && !a.accumulate()
          && maker.outputs().stream().skip(1).noneMatch(v -> read.contains(v.id()));
    }

    private static TrainingOp accumulating(Node maker) {
      return ((TrainingOp.Accumulating) maker.op()).accumulating();
    }
  }
}
