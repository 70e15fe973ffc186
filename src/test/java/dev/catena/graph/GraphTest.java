package dev.catena.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.GraphException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class GraphTest {
  private final GraphBuilder g = new GraphBuilder("net", DType.FP16);
  private final Value x = g.input(2, 8, 6, 6);

  @Test
  void aLayerThatCannotBeIsNamed() {
    assertNames("zero", () -> g.conv("zero", x, 0, 3, 1, 1));
    assertNames("flat", () -> g.conv("flat", x, 4, 0, 1, 0));
    assertNames("ungrouped", () -> g.conv("ungrouped", x, 4, grouped(0)));
    assertNames("odd", () -> g.conv("odd", x, 6, grouped(3)));
    assertNames("large", () -> g.conv("large", x, 4, 9, 1, 0));
    assertNames("wide", () -> g.linear("wide", x, 10));
    assertNames("input", () -> new GraphBuilder("none", DType.FP32).input(0, 3, 8, 8));
    Value w = g.parameter("w", Shape.of(8, 8), new Init.Constant(0));
    assertNames("norm", () -> g.batchNorm("norm", w));
    assertNames("act", () -> g.relu("act", w));
  }

  @Test
  void noShapeIsLargerThanSizesInBytesCanTell() {
    assertNames("input", () -> g.input(1 << 30, 3, 1 << 30, 1 << 30));
    assertEquals(2_147_483_647, Shape.nhwc(Integer.MAX_VALUE, 112, 112, 64).n());
  }

  @Test
  void aValueOfAnotherGraphIsRefusedEvenIfItsIdExistsHere() {
    GraphBuilder other = new GraphBuilder("other", DType.FP16);
    Value alien = other.input(2, 8, 64, 64);
    assertEquals(x.id(), alien.id());
    Value y = g.relu("r", alien);
    assertNames("r reads", () -> g.build(y));
  }

  @Test
  void twoNodesOfOneNameAreRefused() {
    Value y = g.relu("r", g.relu("r", x));
    assertNames("two nodes are named r", () -> g.build(y));
  }

  @Test
  void aNodeMakesWhatItsOperationMakes() {
    Value in = new Value(0, "in", Shape.nhwc(1, 4, 4, 8), DType.FP32, Layout.NHWC);
    Value larger = new Value(1, "r", Shape.nhwc(1, 4, 4, 16), DType.FP32, Layout.NHWC);
    Value planes = new Value(1, "r", in.shape(), DType.FP32, Layout.NCHW);
    for (Value wrong : List.of(larger, planes)) {
      Node relu = new Node("r", new Op.Relu(), List.of(in), wrong);
      assertNames(
          "r makes NHWC [1x4x4x8]",
          () -> new Graph("g", List.of(in), List.of(relu), List.of(wrong)));
    }
  }

  @Test
  void theOrderOfNodesIsThatOfTheirValues() {
    Value in = new Value(0, "in", Shape.nhwc(1, 4, 4, 8), DType.FP32, Layout.NHWC);
    Value a = new Value(1, "a", in.shape(), DType.FP32, Layout.NHWC);
    Value b = new Value(2, "b", in.shape(), DType.FP32, Layout.NHWC);
    Node first = new Node("a", new Op.Relu(), List.of(in), a);
    Node second = new Node("b", new Op.Relu(), List.of(a), b);
    Graph graph = new Graph("g", List.of(in), List.of(first, second), List.of(b));
    assertEquals(List.of(second), graph.consumers(a));
    assertNames("b reads", () -> new Graph("g", List.of(in), List.of(second, first), List.of(b)));
    assertNames("exists", () -> new Graph("g", List.of(in), List.of(first, first), List.of(a)));
    assertNames("made by no node", () -> new Graph("g", List.of(in), List.of(first), List.of(b)));
  }

  @Test
  void usesCountReadersAndTheResult() {
    Value y = g.add("sum", x, x);
    Graph graph = g.build(y);
    assertEquals(2, graph.uses(x));
    assertEquals(1, graph.uses(y));
    assertEquals(1, graph.uses(graph.outputs().getFirst()));
    assertEquals(2, graph.consumers(x).size());
  }

  @Test
  void runningStatisticsAreNoTrainableParameters() {
    Value y = g.batchNorm("norm", g.conv("conv", x, 4, 3, 1, 1));
    Graph graph = g.build(y);
    assertEquals(4 * 8 * 9 + 2 * 4, graph.parameterCount());
    assertEquals(2L * 36 * 4 * 8 * 9, graph.multiplyAdds());
  }

  private static Op.Conv grouped(int groups) {
    return new Op.Conv(3, 3, 1, 1, 1, groups, Op.Prologue.NONE, false, false);
  }

  private static void assertNames(String what, Executable making) {
    GraphException e = assertThrows(GraphException.class, making);
    assertTrue(e.getMessage().contains(what), e.getMessage());
  }
}
