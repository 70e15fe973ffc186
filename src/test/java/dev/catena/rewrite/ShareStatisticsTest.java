package dev.catena.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Policy;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.model.Catalogue;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ShareStatisticsTest {
  private static final LowerTraining LOWERING = new LowerTraining(0.1f, 0);

  private final Graph network =
      Catalogue.find("densenet-bc-40-12").orElseThrow().graph(2, DType.FP32);

  @Test
  void aFeatureIsReadForItsStatisticsOnce() {
    Graph step = Policy.FUSED.step(network, LOWERING);
    Set<Integer> seen = new HashSet<>();
    for (Node node : statistics(step)) {
      assertTrue(seen.add(node.input(0).id()), node.name());
      assertFalse(step.producer(node.input(0)).op() instanceof Op.Join, node.name());
    }
    // Three blocks of an input and six layers, each with a bottleneck.
    assertEquals(3 * (1 + 6 + 6), seen.size());
  }

  @Test
  void whatFlowsBackThroughThemIsAddedToAFeatureOnce() {
    Graph step = Policy.FUSED.step(network, LOWERING);
    long backwards =
        step.nodes().stream()
            .filter(n -> n.op() instanceof TrainingOp.BatchStatisticsBackward)
            .count();
    assertEquals(statistics(step).size(), backwards);
    assertTrue(
        step.nodes().stream()
            .filter(n -> n.op() instanceof TrainingOp.ConvDgrad d && d.conv().pointwise())
            .filter(n -> !n.name().contains("denselayer6"))
            .allMatch(
                n ->
                    ((TrainingOp.ConvDgrad) n.op()).accumulate()
                        || ((TrainingOp.ConvDgrad) n.op()).conv().prologue() == Op.Prologue.NONE),
        step::toString);
  }

  private static List<Node> statistics(Graph step) {
    return step.nodes().stream().filter(n -> n.op() instanceof TrainingOp.BatchStatistics).toList();
  }
}
