package dev.catena;

import dev.catena.graph.Differentiate;
import dev.catena.graph.Graph;
import dev.catena.rewrite.AccumulateGradients;
import dev.catena.rewrite.FuseBnReluConv;
import dev.catena.rewrite.FuseExcitation;
import dev.catena.rewrite.FuseRelu;
import dev.catena.rewrite.FuseShortcut;
import dev.catena.rewrite.LowerTraining;
import dev.catena.rewrite.Pipeline;
import dev.catena.rewrite.PlaceConcat;
import dev.catena.rewrite.PoolBeforeConv;
import dev.catena.rewrite.Recompute;
import dev.catena.rewrite.Rewrite;
import dev.catena.rewrite.ShareStatistics;
import java.util.List;

/**
 * The memory that a training step keeps for its backward pass. Each is a choice of rewrites before
 * and after differentiation; all compute the same gradients.
 */
@SuppressWarnings(
    "exports") // Rewrites are internal; the tests and benchmarks of this repository use them.
public enum Policy {
  /** As frameworks do: every operation a kernel and a buffer, concatenation by copies. */
  UNFUSED("unfused", List.of(), List.of()),
  /** One buffer of features and one of gradients a block; normalised copies are kept. */
  IN_PLACE(
      "in-place", List.of(new FuseRelu(), new PlaceConcat()), List.of(new AccumulateGradients())),
  /** Block buffers and bottlenecks alone: nothing normalised is ever in memory. */
  FUSED("fused", Fusions.FORWARD, List.of(new AccumulateGradients(), Recompute.elementwise())),
  /** Block buffers alone: bottlenecks are computed again. */
  RECOMPUTE(
      "recompute", Fusions.FORWARD, List.of(new AccumulateGradients(), Recompute.bottlenecks()));

  private final String label;
  private final Pipeline forward;
  private final Pipeline joint;

  Policy(String label, List<Rewrite> forward, List<Rewrite> joint) {
    this.label = label;
    this.forward = new Pipeline(forward);
    this.joint = new Pipeline(joint);
  }

  /** Its name in commands and JSON. */
  public String label() {
    return label;
  }

  /**
   * The graph of one step, forward and backward.
   *
   * @param network ending with its logits, auxiliary classifiers before them
   * @param lowering how it is trained
   * @param adapt what a device does better at once; not where every operation is to be a kernel
   * @return its inputs are {@link LowerTraining}'s and {@link Differentiate}'s, and so its outputs:
   *     the loss, the logits, the running statistics, then the gradients in order of the {@link
   *     Graph#trainable} parameters
   */
  public Graph step(Graph network, LowerTraining lowering, Rewrite adapt) {
    Graph step = Differentiate.apply(forward.apply(lowering.apply(network)));
    return joint.apply(this == FUSED || this == RECOMPUTE ? adapt.apply(step) : step);
  }

  /** The same for any device. */
  public Graph step(Graph network, LowerTraining lowering) {
    return step(network, lowering, graph -> graph);
  }

  private static final class Fusions {
    static final List<Rewrite> FORWARD =
        List.of(
            new FuseRelu(),
            new PoolBeforeConv(),
            new FuseBnReluConv(),
            new FuseShortcut(),
            new FuseExcitation(),
            new PlaceConcat(),
            new ShareStatistics());
  }
}
