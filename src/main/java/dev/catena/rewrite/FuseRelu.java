package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;

/**
 * A ReLU becomes part of what makes its input, if nobody else reads that.
 *
 * <pre>
 * y = Relu(ScaleShift(x, s, t))   →   y = ScaleShift[relu](x, s, t)
 * y = Relu(Conv(x, w))            →   y = Conv[relu](x, w)
 * y = Relu(Add(a, b))             →   y = Add[relu](a, b)
 * </pre>
 */
public record FuseRelu() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, FuseRelu::visit);
  }

  private static Value visit(Node node, Editor editor) {
    Node maker = node.op() instanceof Op.Relu ? editor.producer(node.input(0)) : null;
    if (maker == null || editor.uses(node.input(0)) != 1) {
      return editor.keep(node);
    }
    Op fused =
        switch (maker.op()) {
          case Op.ScaleShift _ -> new Op.ScaleShift(true);
          case Op.Add _ -> new Op.Add(true);
          case Op.ScaleChannels c -> new Op.ScaleChannels(c.sigmoid(), c.residual(), true);
          case Op.Shortcut c -> new Op.Shortcut(c.sampling(), c.affine(), true);
          case Op.Conv c -> c.withEpilogue(c.bias(), true);
          default -> node.op();
        };
    return fused == node.op()
        ? editor.keep(node)
        : editor.replace(node, fused, maker.inputs().toArray(Value[]::new));
  }
}
