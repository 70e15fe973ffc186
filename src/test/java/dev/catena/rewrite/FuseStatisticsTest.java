package dev.catena.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Policy;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.TrainingOp;
import dev.catena.model.Catalogue;
import dev.catena.plan.Planner;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FuseStatisticsTest {
  private static final LowerTraining LOWERING = new LowerTraining(0.1f, 0);
  private static final FuseStatistics EVERYWHERE = new FuseStatistics((_, _) -> true);

  private final Graph network =
      Catalogue.find("densenet-bc-40-12").orElseThrow().graph(2, DType.FP32);

  @ParameterizedTest
  @EnumSource(names = {"FUSED", "RECOMPUTE"})
  void nobodyReadsWhatAConvolutionMadeForItsStatistics(Policy policy) {
    Graph step = policy.step(network, LOWERING, EVERYWHERE);
    // The stem, two in each of 18 layers and the transitions' two, which pool first.
    assertEquals(1 + 2 * 18 + 2, forward(step).size());
    for (Node node : step.nodes()) {
      assertFalse(node.op() instanceof TrainingOp.BatchStatistics, node.name());
    }
    Graph apart = policy.step(network, LOWERING);
    assertEquals(apart.outputs().size(), step.outputs().size());
    assertTrue(Planner.plan(step).peakBytes() <= Planner.plan(apart).peakBytes());
  }

  @Test
  void whatIsComputedAgainIsTheSameOperation() {
    Graph step = Policy.RECOMPUTE.step(network, LOWERING, EVERYWHERE);
    List<Node> again =
        step.nodes().stream()
            .filter(n -> n.name().endsWith(".again") && n.op() instanceof TrainingOp.ConvStatistics)
            .toList();
    assertEquals(18, again.size());
    for (Node node : again) {
      String first = node.name().replace(".again", "");
      assertTrue(
          step.nodes().stream().anyMatch(n -> n.name().equals(first) && n.op() == node.op()));
      assertEquals(0, step.uses(node.output(1)));
    }
  }

  @Test
  void thatIsUpToTheDeviceAndThePolicy() {
    FuseStatistics nowhere = new FuseStatistics((_, _) -> false);
    assertEquals(0, forward(Policy.FUSED.step(network, LOWERING, nowhere)).size());
    assertEquals(0, forward(Policy.UNFUSED.step(network, LOWERING, EVERYWHERE)).size());
  }

  private static List<Node> forward(Graph step) {
    return step.nodes().stream()
        .filter(n -> n.op() instanceof TrainingOp.ConvStatistics && !n.name().endsWith(".again"))
        .toList();
  }
}
