package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * An affine map after a convolution goes into the filters and the bias, if nobody else reads the
 * convolution.
 *
 * <pre>
 * y = ScaleShift[relu](Conv(x, w), s, t)      →   y = Conv[bias, relu](x, ScaleFilters(w, s), t)
 * y = ScaleShift[relu](Conv(x, w, b), s, t)   →   … with the bias s·b + t
 * </pre>
 */
public record FoldBatchNorm() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, FoldBatchNorm::visit);
  }

  private static Value visit(Node node, Editor editor) {
    if (!(node.op() instanceof Op.ScaleShift affine) || editor.uses(node.input(0)) != 1) {
      return editor.keep(node);
    }
    Node maker = editor.producer(node.input(0));
    if (maker == null || !(maker.op() instanceof Op.Conv conv) || conv.relu() || conv.residual()) {
      return editor.keep(node);
    }
    Value s = node.input(1);
    Value t = node.input(2);
    List<Value> inputs = new ArrayList<>(maker.inputs());
    inputs.set(1, editor.add(maker.name() + ".folded", new Op.ScaleFilters(), maker.input(1), s));
    if (conv.bias()) {
      Value b = maker.input(conv.biasIndex());
      inputs.set(
          conv.biasIndex(),
          editor.add(maker.name() + ".folded.bias", new Op.ScaleShiftBias(), b, s, t));
    } else {
      inputs.add(t);
    }
    Op.Conv folded = conv.withEpilogue(true, affine.relu());
    return editor.replace(node, folded, inputs.toArray(Value[]::new));
  }
}
