package dev.catena.plan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Policy;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Interpreter;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.model.Catalogue;
import dev.catena.model.DenseNet;
import dev.catena.rewrite.LowerTraining;
import dev.catena.rewrite.Pieces;
import dev.catena.rewrite.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class TrainingPlanTest {
  private static final double GIB = 1 << 30;
  private static final LowerTraining LOWERING = new LowerTraining(0.1f, 0);

  /**
   * Kept: what lives when the backward pass begins. All: arena, weights, momentum and gradients.
   * Both in GiB, batch 64, fp32.
   */
  @ParameterizedTest
  @CsvSource({
    "densenet-bc-100-12, UNFUSED, 2.15, 2.17",
    "densenet-bc-100-12, IN_PLACE, 1.38, 1.42",
    "densenet-bc-100-12, FUSED, 0.33, 0.36",
    "densenet-bc-100-12, RECOMPUTE, 0.08, 0.15",
    "densenet121, UNFUSED, 8.02, 8.1",
    "densenet121, IN_PLACE, 5.5, 5.6",
    "densenet121, FUSED, 1.62, 1.76",
    "densenet121, RECOMPUTE, 0.58, 0.96",
  })
  void aStepFitsItsBudget(String name, Policy policy, double kept, double all) {
    Graph network = Catalogue.find(name).orElseThrow().graph(64, DType.FP32);
    TrainingPlan whole = TrainingPlan.of(policy.step(network, LOWERING), DType.FP32);
    MemoryPlan plan = whole.step();
    assertTrue(plan.liveBytes(firstBackward(plan)) <= kept * GIB, plan::report);
    assertTrue(whole.bytes() <= all * GIB, () -> whole.state().bytes() + "\n" + plan.report());
    assertTrue(plan.peakBytes() <= 1.03 * plan.lowerBoundBytes(), plan::report);
    assertEquals(List.of(), List.copyOf(plan.copies().keySet()));
  }

  @Test
  void aDenseBlockHasOneBufferOfFeaturesAndOneOfGradients() {
    Graph network = Catalogue.find("densenet-bc-40-12").orElseThrow().graph(64, DType.FP32);
    for (Policy policy : List.of(Policy.IN_PLACE, Policy.FUSED, Policy.RECOMPUTE)) {
      MemoryPlan plan = Planner.plan(policy.step(network, LOWERING));
      for (Buffer.Owner owner : List.of(Buffer.Owner.FEATURES, Buffer.Owner.GRADIENTS)) {
        long block1 = 64L * 32 * 32 * (24 + 6 * 12) * Float.BYTES;
        assertEquals(
            1,
            plan.buffers().stream().filter(b -> b.owner() == owner && b.bytes() == block1).count(),
            () -> policy + " " + owner + "\n" + plan.report());
      }
    }
  }

  @Test
  void aThousandLayersArePlanned() {
    DenseNet network = DenseNet.cifarBC(1000, 12);
    Graph graph = Policy.RECOMPUTE.step(network.graph(64, DType.FP32), LOWERING);
    assertTrue(Planner.plan(graph).peakBytes() < 12 * GIB);
  }

  @ParameterizedTest
  @EnumSource
  void noStepOfADenseNetReadsWhatAnotherOverwrote(Policy policy) {
    assertSound(policy.step(Pieces.tinyDenseNet(), LOWERING), 10);
  }

  static List<Pieces.Piece> pieces() {
    return Pieces.all();
  }

  @ParameterizedTest
  @MethodSource("pieces")
  void noStepReadsWhatAnotherOverwrote(Pieces.Piece piece) {
    for (Policy policy : Policy.values()) {
      assertSound(policy.step(piece.network(), LOWERING), Pieces.CLASSES);
    }
  }

  /** Runs the steps in the planned memory: each must find there what was computed for it. */
  private static void assertSound(Graph graph, int classes) {
    MemoryPlan plan = Planner.plan(graph);
    Interpreter run = new Step(graph, classes).run();
    double[] arena = new double[Math.toIntExact(plan.peakBytes() / Float.BYTES)];
    Arrays.fill(arena, Double.NaN);
    graph.inputs().forEach(v -> store(arena, plan, v, run.value(v)));
    for (Node step : plan.steps()) {
      if (Sharing.isView(step)) {
        continue; // It reads nothing; who reads it is checked.
      }
      for (Value input : step.inputs()) {
        if (!input.isConstant()) {
          assertArrayEquals(
              run.value(input), load(arena, plan, input), () -> step + " reads " + input);
        }
      }
      assertReadsWhatItDoesNotWrite(plan, step);
      step.outputs().forEach(v -> store(arena, plan, v, run.value(v)));
    }
    for (Value output : graph.outputs()) {
      assertArrayEquals(run.value(output), load(arena, plan, output), output::toString);
    }
  }

  /** What a step writes it may read only as the very value that it overwrites, once. */
  private static void assertReadsWhatItDoesNotWrite(MemoryPlan plan, Node step) {
    Set<Integer> written = new HashSet<>();
    for (Value made : step.outputs()) {
      for (int i = 0; i < made.shape().elements(); i++) {
        assertTrue(written.add(address(plan, made, i)), step::toString);
      }
    }
    List<Value> inputs = new ArrayList<>(step.inputs());
    inputs.removeIf(Value::isConstant);
    if (step.op() instanceof TrainingOp.Accumulating a && a.accumulate()) {
      inputs.removeLast();
    } else if (step.op() instanceof Op.Relu) {
      inputs.removeFirst();
    }
    for (Value input : inputs) {
      for (int i = 0; i < input.shape().elements(); i++) {
        assertFalse(written.contains(address(plan, input, i)), () -> step + " and " + input);
      }
    }
  }

  private static void store(double[] arena, MemoryPlan plan, Value value, double[] elements) {
    for (int i = 0; i < elements.length; i++) {
      arena[address(plan, value, i)] = elements[i];
    }
  }

  private static double[] load(double[] arena, MemoryPlan plan, Value value) {
    double[] elements = new double[Math.toIntExact(value.shape().elements())];
    Arrays.setAll(elements, i -> arena[address(plan, value, i)]);
    return elements;
  }

  private static int address(MemoryPlan plan, Value value, int element) {
    View view = plan.view(value);
    long base = plan.buffers().get(view.buffer()).offset() / Float.BYTES + view.firstChannel();
    if (value.layout() != Layout.NHWC) {
      return Math.toIntExact(base + element);
    }
    int channels = value.shape().c();
    return Math.toIntExact(base + (long) element / channels * view.pitch() + element % channels);
  }

  private static int firstBackward(MemoryPlan plan) {
    for (int i = 0; i < plan.steps().size(); i++) {
      if (plan.steps().get(i).op() instanceof TrainingOp.SoftmaxCrossEntropyBackward) {
        return i;
      }
    }
    throw new AssertionError("no backward pass");
  }
}
