package dev.catena.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.GraphException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Layout;
import dev.catena.graph.Network;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import dev.catena.model.Catalogue;
import dev.catena.rewrite.Pipeline;
import dev.catena.rewrite.PlaceConcat;
import dev.catena.rewrite.SliceBatch;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PlannerTest {
  private static final double GIB = 1 << 30;

  static Stream<Network> networks() {
    return Catalogue.all().stream();
  }

  @ParameterizedTest
  @MethodSource("networks")
  void everyPlanIsWithinThreePercentOfItsLowerBoundAndSound(Network network) {
    for (Pipeline pipeline :
        List.of(Pipeline.unfused(), Pipeline.inPlace(), Pipeline.fused().then(new SliceBatch(4)))) {
      MemoryPlan plan = Planner.plan(pipeline.apply(network.graph(64, DType.FP16)));
      assertTrue(plan.peakBytes() <= 1.03 * plan.lowerBoundBytes(), plan::report);
      assertSound(plan);
    }
  }

  @Test
  void fusedDenseNet121FitsItsBudget() {
    Network network = Catalogue.find("densenet121").orElseThrow();
    Pipeline fused = Pipeline.fused().then(new SliceBatch(4));
    assertTrue(peak(fused, network, DType.FP16) <= 0.16 * GIB);
    assertTrue(peak(fused, network, DType.FP32) <= 0.31 * GIB);
    assertTrue(peak(Pipeline.unfused(), network, DType.FP16) > 0.24 * GIB);
  }

  @Test
  void aDenseBlockIsOneBuffer() {
    Network network = Catalogue.find("densenet-bc-40-12").orElseThrow();
    MemoryPlan plan = Planner.plan(Pipeline.inPlace().apply(network.graph(1, DType.FP32)));
    List<Buffer> features =
        plan.buffers().stream().filter(b -> b.owner() == Buffer.Owner.FEATURES).toList();
    assertEquals(3, features.size());
    assertTrue(plan.copies().isEmpty());
  }

  @Test
  void aValueInTwoConcatenationsIsCopiedOnceAndThePlanSaysWhy() {
    GraphBuilder g = new GraphBuilder("two", DType.FP32);
    Value x = g.input(1, 8, 4, 4);
    Value a = g.conv("a", x, 8, 1, 1, 0);
    Value b = g.conv("b", x, 8, 1, 1, 0);
    Value ab = g.concat("ab", List.of(a, b));
    Value ba = g.concat("ba", List.of(b, a));
    Graph graph = new PlaceConcat().apply(g.build(g.add("sum", ab, ba)));
    MemoryPlan plan = Planner.plan(graph);
    assertEquals(2, plan.copies().size());
    assertEquals("it already stands in ab", plan.copies().get("ba.copy0"));
    assertSound(plan);
  }

  @Test
  void aPartThatIsReadAfterItsJoinLivesAsLongAsItsReader() {
    GraphBuilder g = new GraphBuilder("late", DType.FP32);
    Value x = g.input(1, 8, 4, 4);
    Value a = g.conv("a", x, 8, 1, 1, 0);
    Value ab = g.concat("ab", List.of(a, x));
    Value c = g.conv("c", g.conv("b", ab, 8, 1, 1, 0), 8, 1, 1, 0);
    MemoryPlan plan = Planner.plan(new PlaceConcat().apply(g.build(g.add("late", c, a))));
    assertEquals(plan.view(ab).buffer(), plan.view(a).buffer());
    assertEquals(
        "late", plan.steps().get(plan.buffers().get(plan.view(a).buffer()).lastStep()).name());
    assertEquals(
        1, plan.buffers().stream().filter(b -> b.owner() == Buffer.Owner.FEATURES).count());
    assertTrue(plan.buffers().stream().noneMatch(b -> b.name().equals("a")));
    assertSound(plan);
  }

  @Test
  void aReluThatAloneReadsItsInputOverwritesItUnlessThatIsAJoin() {
    GraphBuilder g = new GraphBuilder("relus", DType.FP32);
    Value x = g.input(1, 8, 4, 4);
    Value a = g.conv("a", x, 8, 1, 1, 0);
    Value r1 = g.relu("r1", a);
    Value ab = g.concat("ab", List.of(r1, x));
    Value r2 = g.relu("r2", ab);
    Graph graph = new PlaceConcat().apply(g.build(g.concat("out", List.of(r2, r1))));
    MemoryPlan plan = Planner.plan(graph);
    assertEquals(plan.view(a), plan.view(r1));
    assertTrue(plan.view(ab).buffer() != plan.view(r2).buffer(), "r1 is read after r2");
    assertSound(plan);
  }

  @Test
  void aPartOfTwoJoinsIsRefused() {
    GraphBuilder g = new GraphBuilder("twice", DType.FP32);
    Value x = g.input(1, 8, 4, 4);
    Graph graph = g.build(g.add("join", new Op.Join(), x, x));
    GraphException e = assertThrows(GraphException.class, () -> Planner.plan(graph));
    assertTrue(e.getMessage().startsWith("join: input.nhwc"), e.getMessage());
  }

  @Test
  void nothingButTheEndsOfASliceLiesOutsideIt() {
    GraphBuilder g = new GraphBuilder("sliced", DType.FP32);
    Value x = g.input(4, 8, 4, 4);
    Value part = new Value(0, "part", x.shape().withImages(2), DType.FP32, Layout.NHWC);
    Value c = new Value(1, "c", part.shape(), DType.FP32, Layout.NHWC);
    Value r = new Value(2, "r", part.shape(), DType.FP32, Layout.NHWC);
    Node sum = new Node("c", new Op.Add(false), List.of(part, part), c);
    Node relu = new Node("r", new Op.Relu(), List.of(c), r);
    Graph body = new Graph("body", List.of(part), List.of(sum, relu), List.of(r));
    Graph graph = g.build(g.add("slices", new Op.InSlices(body, 2), x));
    GraphException e = assertThrows(GraphException.class, () -> Planner.plan(graph));
    assertTrue(e.getMessage().startsWith("c [2x4x4x8]"), e.getMessage());
  }

  @Test
  void scratchLivesForOneStep() {
    Network network = Catalogue.find("densenet-40-12").orElseThrow();
    Graph graph = Pipeline.fused().apply(network.graph(2, DType.FP32));
    MemoryPlan plan = Planner.plan(graph, _ -> 1000);
    for (int i = 0; i < plan.steps().size(); i++) {
      Buffer scratch = plan.scratch(i).orElseThrow();
      assertEquals(1024, scratch.bytes());
      assertEquals(i, scratch.firstStep());
      assertEquals(i, scratch.lastStep());
    }
    assertSound(plan);
  }

  private static long peak(Pipeline pipeline, Network network, DType dtype) {
    return Planner.plan(pipeline.apply(network.graph(64, dtype))).peakBytes();
  }

  /** Buffers that live together do not overlap. */
  private static void assertSound(MemoryPlan plan) {
    List<Buffer> buffers = plan.buffers();
    for (Buffer a : buffers) {
      assertEquals(0, a.offset() % Planner.ALIGNMENT);
      for (Buffer b : buffers) {
        boolean together = a.firstStep() <= b.lastStep() && b.firstStep() <= a.lastStep();
        boolean overlap =
            a.offset() < b.offset() + b.bytes() && b.offset() < a.offset() + a.bytes();
        assertFalse(a.id() != b.id() && together && overlap, () -> a + " and " + b);
      }
    }
  }
}
