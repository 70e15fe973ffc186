package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * A normalisation whose readers are all convolutions or pools is applied by each of them while it
 * loads its input; the normalised copy is never in memory.
 *
 * <pre>
 * y = Conv(ScaleShift[relu](x, s, t), w)               →   y = Conv[prologue](x, w, s, t)
 * y = Pool(ScaleShift[relu](x, s, t))                  →   y = Pool[prologue](x, s, t)
 * y = GlobalAveragePool(ScaleShift[relu](x, s, t))     →   y = GlobalAveragePool[prologue](x, s, t)
 * </pre>
 */
public record FuseBnReluConv() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, FuseBnReluConv::visit);
  }

  private static Value visit(Node node, Editor editor) {
    if (!takesPrologue(node)) {
      return editor.keep(node);
    }
    Node affine = editor.producer(node.input(0));
    if (affine == null
        || !(affine.op() instanceof Op.ScaleShift map)
        || !editor.oldConsumers(affine).stream().allMatch(FuseBnReluConv::takesPrologue)) {
      return editor.keep(node);
    }
    Op.Prologue prologue = map.relu() ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT;
    Op fused =
        switch (node.op()) {
          case Op.Conv c -> c.withPrologue(prologue);
          case Op.Pool p -> p.withPrologue(prologue);
          default -> new Op.GlobalAveragePool(prologue);
        };
    List<Value> inputs = new ArrayList<>(node.inputs());
    inputs.set(0, affine.input(0));
    int at = node.op() instanceof Op.Conv ? 2 : 1;
    inputs.addAll(at, affine.inputs().subList(1, 3));
    return editor.replace(node, fused, inputs.toArray(Value[]::new));
  }

  private static boolean takesPrologue(Node node) {
    return switch (node.op()) {
      case Op.Conv c -> c.prologue() == Op.Prologue.NONE && c.groups() == 1;
      case Op.Pool p -> p.prologue() == Op.Prologue.NONE;
      case Op.GlobalAveragePool p -> p.prologue() == Op.Prologue.NONE;
      default -> false;
    };
  }
}
