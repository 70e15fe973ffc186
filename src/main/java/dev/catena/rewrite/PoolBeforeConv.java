package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;

/**
 * A mean over whole windows and a 1x1 convolution commute; pooling first convolves a quarter of the
 * pixels and has no full-size output. Exact in real arithmetic.
 *
 * <pre>
 * y = AveragePool2x2(Conv1x1(x, w))   →   y = Conv1x1(AveragePool2x2(x), w)
 * </pre>
 */
public record PoolBeforeConv() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, PoolBeforeConv::visit);
  }

  private static Value visit(Node node, Editor editor) {
    if (!(node.op() instanceof Op.Pool pool)
        || pool.kind() != Op.PoolKind.AVERAGE
        || pool.prologue() != Op.Prologue.NONE
        || !pool.plain()
        || pool.stride() == 1
        || editor.uses(node.input(0)) != 1) {
      return editor.keep(node);
    }
    Node conv = editor.producer(node.input(0));
    if (conv == null
        || !(conv.op() instanceof Op.Conv c)
        || !c.pointwise()
        || c.prologue() != Op.Prologue.NONE
        || c.residual()
        || c.relu()) {
      return editor.keep(node);
    }
    Value[] inputs = conv.inputs().toArray(Value[]::new);
    inputs[0] = editor.add(node.name() + ".first", pool, inputs[0]);
    return editor.replace(node, c, inputs);
  }
}
