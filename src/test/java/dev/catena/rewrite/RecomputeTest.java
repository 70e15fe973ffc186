package dev.catena.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.catena.Policy;
import dev.catena.error.GraphException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Node;
import dev.catena.graph.Value;
import dev.catena.model.Catalogue;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecomputeTest {
  private static final LowerTraining LOWERING = new LowerTraining(0.1f, 0);

  @Test
  void bottlenecksAndNormalisedPoolsAreComputedAgainOnce() {
    Graph network = Catalogue.find("densenet-bc-40-12").orElseThrow().graph(2, DType.FP32);
    // The batch, two transitions; and 18 layers.
    assertEquals(1 + 2, again(Policy.FUSED.step(network, LOWERING)).size());
    assertEquals(1 + 2 + 18, again(Policy.RECOMPUTE.step(network, LOWERING)).size());
  }

  @Test
  void whatStandsInAConcatenationIsKeptWithIt() {
    GraphBuilder g = new GraphBuilder("block", DType.FP32);
    Value x = g.conv("stem", g.input(2, 3, 4, 4), 8, 3, 1, 1);
    Value a = g.conv("a", g.relu("r", g.batchNorm("n", x)), 8, 1, 1, 0);
    Value b = g.batchNorm("m", g.concat("xa", List.of(x, a)));
    Value c = g.conv("c", g.relu("q", b), 8, 1, 1, 0);
    Value mean = g.globalAveragePool("mean", g.batchNorm("o", c));
    Graph step = Policy.RECOMPUTE.step(g.build(g.linear("classifier", mean, 3)), LOWERING);
    assertEquals(
        List.of("c.again", "input.nhwc.again"),
        again(step).stream().map(Node::name).sorted().toList());
  }

  @Test
  void aGraphWithoutABackwardPassIsRefused() {
    Graph network = Catalogue.find("densenet-40-12").orElseThrow().graph(2, DType.FP32);
    assertThrows(GraphException.class, () -> Recompute.bottlenecks().apply(network));
  }

  private static List<Node> again(Graph step) {
    return step.nodes().stream().filter(n -> n.name().endsWith(".again")).toList();
  }
}
