package dev.catena.rewrite;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.List;

/**
 * The end of a residual block whose shortcut has no parameters: neither the sampled nor the padded
 * shortcut is ever in memory, nor the sum if only a normalisation reads it.
 *
 * <pre>
 * y = Add[relu](f, PadChannels(x))              →   y = Shortcut[relu](f, x)
 * y = Add[relu](f, PadChannels(Pool(x)))        →   y = Shortcut[sampling, relu](f, x)
 * y = ScaleShift[relu](Add(f, x), s, t)         →   y = Shortcut[affine, relu](f, x, s, t)
 * y = ScaleShift[relu](Shortcut(f, x), s, t)    →   the same
 * </pre>
 */
public record FuseShortcut() implements Rewrite {
  @Override
  public Graph apply(Graph graph) {
    return Editor.rewrite(graph, FuseShortcut::visit);
  }

  private static Value visit(Node node, Editor editor) {
    return switch (node.op()) {
      case Op.Add add when node.output().dtype() == node.input(0).dtype() -> sum(node, add, editor);
      case Op.ScaleShift affine when editor.uses(node.input(0)) == 1 ->
          affine(node, affine, editor);
      default -> editor.keep(node);
    };
  }

  private static Value sum(Node node, Op.Add add, Editor editor) {
    for (int i = 1; i >= 0; i--) {
      Node pad = editor.producer(node.input(i));
      if (pad != null && pad.op() instanceof Op.PadChannels) {
        Value f = node.input(1 - i);
        Node sampler = editor.producer(pad.input(0));
        Op.Sampling sampling = sampler == null ? Op.Sampling.NONE : sampling(sampler);
        Value x = sampling == Op.Sampling.NONE ? pad.input(0) : sampler.input(0);
        return editor.replace(node, new Op.Shortcut(sampling, false, add.relu()), f, x);
      }
    }
    return editor.keep(node);
  }

  /** NONE where {@code node} is something else. */
  private static Op.Sampling sampling(Node node) {
    if (!(node.op() instanceof Op.Pool pool)
        || pool.stride() != 2
        || !pool.plain()
        || pool.prologue() != Op.Prologue.NONE) {
      return Op.Sampling.NONE;
    }
    int h = node.input(0).shape().h();
    int w = node.input(0).shape().w();
    boolean whole = pool.ceil() || (h % 2 == 0 && w % 2 == 0);
    if (pool.kernel() == 1) {
      return Op.Sampling.SUBSAMPLE;
    }
    boolean average = pool.kernel() == 2 && pool.kind() == Op.PoolKind.AVERAGE && whole;
    return average ? Op.Sampling.AVERAGE : Op.Sampling.NONE;
  }

  private static Value affine(Node node, Op.ScaleShift affine, Editor editor) {
    Node sum = editor.producer(node.input(0));
    Op.Shortcut fused =
        switch (sum == null ? node.op() : sum.op()) {
          case Op.Add add when !add.relu() ->
              new Op.Shortcut(Op.Sampling.NONE, true, affine.relu());
          case Op.Shortcut s when !s.relu() && !s.affine() ->
              new Op.Shortcut(s.sampling(), true, affine.relu());
          default -> null;
        };
    if (fused == null) {
      return editor.keep(node);
    }
    List<Value> in = List.of(sum.input(0), sum.input(1), node.input(1), node.input(2));
    return editor.replace(node, fused, in.toArray(Value[]::new));
  }
}
