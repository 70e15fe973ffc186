package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.List;
import java.util.function.BiPredicate;

/**
 * The statistics of what a convolution makes are another output of making it: nobody reads it for
 * them.
 *
 * <pre>
 * y = Conv(x, w); q = BatchStatistics(y)   →   y, q = ConvStatistics(x, w)
 * </pre>
 *
 * Comes after {@link ShareStatistics} and before {@link Recompute}, which repeats the very
 * operation, so that its bits are those of the first time.
 *
 * @param wanted of a fused node and the two that it stands for, whether the device does it better
 */
public record FuseStatistics(BiPredicate<Node, List<Node>> wanted) implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, this::visit);
  }

  private Value visit(Node node, Editor editor) {
    return switch (node.op()) {
      case Op.Conv conv -> convolution(node, conv, editor);
      case TrainingOp.BatchStatistics _ -> {
        Node maker = editor.producer(node.input(0));
        boolean made = maker != null && maker.op() instanceof TrainingOp.ConvStatistics;
        yield made ? maker.output(1) : editor.keep(node);
      }
      default -> editor.keep(node);
    };
  }

  private Value convolution(Node node, Op.Conv conv, Editor editor) {
    for (Node reader : editor.oldConsumers(node)) {
      if (reader.op() instanceof TrainingOp.BatchStatistics) {
        Op op = new TrainingOp.ConvStatistics(conv);
        Node both =
            new Node(node.name(), op, node.inputs(), List.of(node.output(), reader.output()));
        return editor.keep(wanted.test(both, List.of(node, reader)) ? both : node);
      }
    }
    return editor.keep(node);
  }
}
