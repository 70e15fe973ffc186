package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.List;
import java.util.function.BiPredicate;

/**
 * Both convolutions of a bottleneck layer in one launch; the bottleneck is never in memory. Comes
 * after the prologue and the batch normalisation between them were fused.
 *
 * <pre>
 * b = Conv1x1[prologue, bias, relu](x, w1, s, t, b1)
 * y = Conv3x3(b, w2)                                   →   y = DenseLayer(x, s, t, w1, b1, w2)
 * </pre>
 *
 * @param wanted of a fused node and the two that it replaces, whether it is better than they are
 */
public record FuseDenseLayer(BiPredicate<Node, List<Node>> wanted) implements Rewrite {
  private static final Op.Conv FIRST =
      Op.Conv.of(1, 1, 0).withPrologue(Op.Prologue.SCALE_SHIFT_RELU).withEpilogue(true, true);
  private static final Op.Conv SECOND = Op.Conv.of(3, 1, 1);

  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, this::visit);
  }

  private Value visit(Node node, Editor editor) {
    Node first = node.op().equals(SECOND) ? editor.producer(node.input(0)) : null;
    if (first == null || !first.op().equals(FIRST) || editor.uses(first.output()) != 1) {
      return editor.keep(node);
    }
    Value[] inputs = {
      first.input(0), first.input(2), first.input(3), first.input(1), first.input(4), node.input(1)
    };
    Op fused = new Op.DenseLayer();
    Node layer = new Node(node.name(), fused, List.of(inputs), node.output());
    return wanted.test(layer, List.of(first, node))
        ? editor.replace(node, fused, inputs)
        : editor.keep(node);
  }
}
