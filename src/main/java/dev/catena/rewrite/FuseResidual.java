package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiPredicate;

/**
 * The sum at the end of a residual block is made by the branch's last convolution, if nobody else
 * reads that. Of two convolutions, the one that comes later takes the sum.
 *
 * <pre>
 * y = Add[relu](Conv(x, w, [b]), r)          →   y = Conv[residual, relu](x, w, [b], r)
 * </pre>
 *
 * @param wanted of a fused node and the two that it stands for, whether the device does it better
 */
public record FuseResidual(BiPredicate<Node, List<Node>> wanted) implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, this::visit);
  }

  private Value visit(Node node, Editor editor) {
    if (!(node.op() instanceof Op.Add add)) {
      return editor.keep(node);
    }
    int later = node.input(1).id() > node.input(0).id() ? 1 : 0;
    for (int i : new int[] {later, 1 - later}) {
      Node maker = editor.producer(node.input(i));
      if (maker != null
          && maker.op() instanceof Op.Conv conv
          && !conv.relu()
          && !conv.residual()
          && editor.uses(node.input(i)) == 1) {
        List<Value> inputs = new ArrayList<>(maker.inputs());
        inputs.add(node.input(1 - i));
        Op fused = conv.withResidual(add.relu());
        Node whole = new Node(node.name(), fused, inputs, node.output());
        if (wanted.test(whole, List.of(maker, node))) {
          return editor.replace(node, fused, inputs.toArray(Value[]::new));
        }
      }
    }
    return editor.keep(node);
  }
}
