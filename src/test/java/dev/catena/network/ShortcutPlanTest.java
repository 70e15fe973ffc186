package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Policy;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.model.PyramidNet;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.Planner;
import dev.catena.rewrite.LowerTraining;
import dev.catena.rewrite.Pipeline;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the zero-padded shortcuts of PyramidNet-110, α = 270, cost a batch of 128 in memory. */
@Tag("slow")
class ShortcutPlanTest {
  private static final int BATCH = 128;

  @Test
  void nothingPaddedIsInTheFusedPlan() {
    Graph network = PyramidNet.basic(110, 270).graph(BATCH, DType.FP32);
    MemoryPlan unfused = Planner.plan(Pipeline.unfused().apply(network));
    MemoryPlan fused = Planner.plan(Pipeline.fused().apply(network));
    assertTrue(shortcuts(unfused) > 50, unfused::report);
    assertEquals(0, shortcuts(fused), fused::report);
    assertTrue(fused.peakBytes() < unfused.peakBytes(), fused::report);
  }

  @Test
  void aFusedTrainingStepKeepsThreeFifths() {
    Graph network = PyramidNet.basic(110, 270).graph(BATCH, DType.FP32);
    LowerTraining lowering = new LowerTraining(0.1f, 0);
    MemoryPlan unfused = Planner.plan(Policy.UNFUSED.step(network, lowering));
    MemoryPlan fused = Planner.plan(Policy.FUSED.step(network, lowering));
    assertEquals(0, shortcuts(fused), fused::report);
    assertEquals(0, paddedGradients(fused), fused::report);
    assertTrue(fused.peakBytes() <= 0.61 * unfused.peakBytes(), fused::report);
  }

  private static long shortcuts(MemoryPlan plan) {
    return plan.buffers().stream()
        .filter(b -> b.name().contains(".downsample.") && !b.name().contains("gradient"))
        .count();
  }

  /** A gradient's range that the shortcut reads is a view of it. */
  private static long paddedGradients(MemoryPlan plan) {
    return plan.buffers().stream().filter(b -> b.name().contains(".first.gradient")).count();
  }
}
