package dev.catena.rewrite;

import dev.catena.graph.Graph;
import java.util.ArrayList;
import java.util.List;

/**
 * Passes in order.
 *
 * @param passes applied first to last
 */
public record Pipeline(List<Rewrite> passes) implements Rewrite {
  public Pipeline {
    passes = List.copyOf(passes);
  }

  /**
   * Inference with every operation a kernel and a buffer of its own, and concatenation by copies.
   */
  public static Pipeline unfused() {
    return new Pipeline(List.of(new LowerInference()));
  }

  /** Inference as {@link #unfused}, but concatenation by construction. */
  public static Pipeline inPlace() {
    return unfused().then(new PlaceConcat());
  }

  /** Inference with everything that saves memory or time. */
  public static Pipeline fused() {
    return unfused()
        .then(new FuseRelu())
        .then(new FoldBatchNorm())
        .then(new PoolBeforeConv())
        .then(new FuseBnReluConv())
        .then(new FuseShortcut())
        .then(new FuseExcitation())
        .then(new PlaceConcat());
  }

  /** This pipeline and one more pass. */
  public Pipeline then(Rewrite pass) {
    List<Rewrite> more = new ArrayList<>(passes);
    more.add(pass);
    return new Pipeline(more);
  }

  @Override
  public Graph apply(Graph graph) {
    Graph result = graph;
    for (Rewrite pass : passes) {
      result = pass.apply(result);
    }
    return result;
  }
}
