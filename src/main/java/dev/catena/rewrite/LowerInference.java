package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;

/**
 * What training alone needs goes: batch normalisation with running statistics is an affine map,
 * dropout is nothing, and a branch that training leaves out now and then counts for as often as it
 * is there.
 *
 * <pre>
 * y = BatchNorm(x, γ, β, μ, σ²)   →   s = BnScale(γ, σ²); t = BnShift(β, μ, s); y = ScaleShift(x, s, t)
 * y = Dropout(x)                  →   y = x
 * y = StochasticDepth(x)          →   y = ScaleShift(x, survival, 0)
 * y = Scale(x)                    →   y = ScaleShift(x, factor, 0)
 * </pre>
 */
public record LowerInference() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, LowerInference::visit);
  }

  private static Value visit(Node node, Editor editor) {
    return switch (node.op()) {
      case Op.Dropout _ -> node.input(0);
      case Op.BatchNorm bn -> {
        String name = node.name();
        Value s =
            editor.add(name + ".scale", new Op.BnScale(bn.epsilon()), node.input(1), node.input(4));
        Value t = editor.add(name + ".shift", new Op.BnShift(), node.input(2), node.input(3), s);
        yield editor.replace(node, new Op.ScaleShift(false), node.input(0), s, t);
      }
      case Op.StochasticDepth depth -> scale(node, depth.survival(), editor);
      case Op.Scale scale -> scale(node, scale.factor(), editor);
      default -> editor.keep(node);
    };
  }

  private static Value scale(Node node, float factor, Editor editor) {
    int channels = node.output().shape().c();
    Value s = editor.constant(node.name() + ".scale", factor, channels);
    Value t = editor.constant(node.name() + ".shift", 0, channels);
    return editor.replace(node, new Op.ScaleShift(false), node.input(0), s, t);
  }
}
