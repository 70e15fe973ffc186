package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * The end of a squeeze-and-excitation block in one pass over the activations.
 *
 * <pre>
 * y = ScaleChannels(x, Sigmoid(g))           →   y = ScaleChannels[sigmoid](x, g)
 * y = Add[relu](ScaleChannels(x, g), r)      →   y = ScaleChannels[residual, relu](x, g, r)
 * </pre>
 */
public record FuseExcitation() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, FuseExcitation::visit);
  }

  private static Value visit(Node node, Editor editor) {
    return switch (node.op()) {
      case Op.Add add -> sum(node, add, editor);
      case Op.ScaleChannels scale when !scale.sigmoid() -> gate(node, scale, editor);
      default -> editor.keep(node);
    };
  }

  private static Value gate(Node node, Op.ScaleChannels scale, Editor editor) {
    Node gate = editor.producer(node.input(1));
    if (gate == null || !(gate.op() instanceof Op.Sigmoid)) {
      return editor.keep(node);
    }
    List<Value> inputs = new ArrayList<>(node.inputs());
    inputs.set(1, gate.input(0));
    Op fused = new Op.ScaleChannels(true, scale.residual(), scale.relu());
    return editor.replace(node, fused, inputs.toArray(Value[]::new));
  }

  private static Value sum(Node node, Op.Add add, Editor editor) {
    for (int i = 0; i < 2; i++) {
      Node maker = editor.producer(node.input(i));
      if (maker != null
          && maker.op() instanceof Op.ScaleChannels s
          && !s.residual()
          && !s.relu()
          && editor.uses(node.input(i)) == 1) {
        Op fused = new Op.ScaleChannels(s.sigmoid(), true, add.relu());
        return editor.replace(node, fused, maker.input(0), maker.input(1), node.input(1 - i));
      }
    }
    return editor.keep(node);
  }
}
