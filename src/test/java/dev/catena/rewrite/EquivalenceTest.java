package dev.catena.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.catena.conformance.ReferenceRun;
import dev.catena.graph.Graph;
import dev.catena.graph.RandomGraphs;
import dev.catena.plan.Planner;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random graphs, in fp64 and without a device: whatever passes are applied in whatever order, the
 * result is the same, and so it is when all values share the planned memory.
 */
@Tag("slow")
class EquivalenceTest {
  private static final List<Rewrite> PASSES =
      List.of(
          new FuseRelu(),
          new FoldBatchNorm(),
          new PoolBeforeConv(),
          new FuseBnReluConv(),
          new FuseShortcut(),
          new FuseExcitation(),
          new FuseResidual((_, _) -> true),
          new PlaceConcat(),
          new SliceBatch(2),
          new FuseDenseLayer((_, _) -> true));
  private static final double TOLERANCE = 1e-9;

  /** Subsets of the passes that each graph is put through. */
  private static final int SETS = 100;

  static LongStream seeds() {
    return LongStream.range(0, 100);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void noSetOfPassesChangesTheResult(long seed) {
    Graph graph = RandomGraphs.graph(seed);
    double[] batch = doubles(RandomGraphs.batch(graph));
    double[] expected = run(graph, batch);
    Random random = new Random(seed);
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < SETS; i++) {
      int set = random.nextInt(1 << PASSES.size());
      assertEquivalent(pipeline(set, random, false), graph, batch, expected, seen);
    }
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void noOrderOfPassesChangesTheResult(long seed) {
    Graph graph = RandomGraphs.graph(seed);
    double[] batch = doubles(RandomGraphs.batch(graph));
    double[] expected = run(graph, batch);
    Random random = new Random(seed);
    Set<String> seen = new HashSet<>();
    for (int order = 0; order < 20; order++) {
      assertEquivalent(pipeline(-1, random, true), graph, batch, expected, seen);
    }
  }

  private static Pipeline pipeline(int set, Random random, boolean shuffled) {
    List<Rewrite> passes = new ArrayList<>();
    for (int i = 0; i < PASSES.size(); i++) {
      if ((set >> i & 1) == 1) {
        passes.add(PASSES.get(i));
      }
    }
    if (shuffled) {
      Collections.shuffle(passes, random);
    }
    passes.addFirst(new LowerInference());
    return new Pipeline(passes);
  }

  /** Many pipelines make the same graph of a small one, which is then computed once. */
  private static void assertEquivalent(
      Pipeline pipeline, Graph graph, double[] batch, double[] expected, Set<String> seen) {
    Graph rewritten = pipeline.apply(graph);
    if (!seen.add(rewritten.toString())) {
      return;
    }
    assertClose(expected, run(rewritten, batch), pipeline, rewritten);
    double[] planned =
        ReferenceRun.run(
            Planner.plan(rewritten), node -> doubles(RandomGraphs.parameter(node)), batch);
    assertClose(expected, planned, pipeline, rewritten);
  }

  private static double[] run(Graph graph, double[] batch) {
    return ReferenceRun.run(graph, node -> doubles(RandomGraphs.parameter(node)), batch);
  }

  private static void assertClose(
      double[] expected, double[] actual, Pipeline pipeline, Graph rewritten) {
    assertEquals(expected.length, actual.length);
    double largest = 1e-3;
    for (double value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], TOLERANCE * largest, () -> pipeline + "\n" + rewritten);
    }
  }

  private static double[] doubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }
}
