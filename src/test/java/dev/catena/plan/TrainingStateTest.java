package dev.catena.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Policy;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.rewrite.LowerTraining;
import dev.catena.rewrite.Pieces;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TrainingStateTest {
  private static final long BASE = 1 << 20;

  private final Graph step = Policy.FUSED.step(Pieces.tinyDenseNet(), new LowerTraining(0.1f, 0));

  @ParameterizedTest
  @EnumSource
  void parametersAndGradientsLieApartAndAligned(DType dtype) {
    TrainingState state = TrainingState.of(step, dtype);
    Map<Integer, Long> addresses = state.addresses(BASE);
    List<long[]> ranges = new ArrayList<>();
    List<Node> trainable = step.trainable();
    List<Value> gradients =
        step.outputs().subList(step.outputs().size() - trainable.size(), step.outputs().size());
    for (Node parameter : step.parameters()) {
      Value value = parameter.output();
      boolean filters = value.shape().rank() > 1;
      ranges.add(range(addresses, value, filters ? dtype.bytes() : Float.BYTES));
    }
    gradients.forEach(g -> ranges.add(range(addresses, g, Float.BYTES)));
    ranges.sort((a, b) -> Long.compare(a[0], b[0]));
    for (int i = 1; i < ranges.size(); i++) {
      assertTrue(ranges.get(i - 1)[1] <= ranges.get(i)[0], "values overlap");
    }
    assertTrue(ranges.getFirst()[0] >= BASE);
    assertTrue(ranges.getLast()[1] <= BASE + state.bytes());
  }

  private static long[] range(Map<Integer, Long> addresses, Value value, int bytes) {
    long begin = addresses.get(value.id());
    int rows = value.shape().rank() > 1 ? value.shape().dim(1) : 1;
    long elements = value.shape().elements() / rows * (rows == 1 ? 1 : Math.ceilDiv(rows, 8) * 8);
    assertEquals(0, begin % 128, value::toString);
    return new long[] {begin, begin + elements * bytes};
  }

  /** The optimizer walks over all arenas with one index. */
  @ParameterizedTest
  @EnumSource
  void aParameterHasOneIndexInAllArenas(DType dtype) {
    TrainingState state = TrainingState.of(step, dtype);
    Map<Integer, Long> addresses = state.addresses(BASE);
    List<Node> trainable = step.trainable();
    int first = step.outputs().size() - trainable.size();
    for (TrainingState.Slot slot : state.trainable()) {
      int index = trainable.indexOf(slot.parameter());
      long gradient = addresses.get(step.outputs().get(first + index).id());
      assertEquals(BASE + state.gradients() + slot.first() * Float.BYTES, gradient);
      boolean copied = dtype != DType.FP32 && slot.first() < state.filterElements();
      long read = addresses.get(slot.parameter().output().id());
      assertEquals(
          copied
              ? BASE + state.copies() + slot.first() * dtype.bytes()
              : BASE + state.weights() + slot.first() * Float.BYTES,
          read);
    }
    assertEquals(trainable.size(), state.trainable().size());
  }

  @ParameterizedTest
  @EnumSource
  void runningStatisticsAreUpdatedInPlaceAndNothingOfTheStateIsInTheArena(Policy policy) {
    Graph graph = policy.step(Pieces.tinyDenseNet(), new LowerTraining(0.1f, 0));
    TrainingPlan plan = TrainingPlan.of(graph, DType.FP32);
    Map<Integer, Long> addresses = plan.state().addresses(BASE);
    int updated = 0;
    for (Node node : graph.nodes()) {
      if (node.op() instanceof TrainingOp.RunningMean
          || node.op() instanceof TrainingOp.RunningVariance) {
        assertEquals(addresses.get(node.input(0).id()), addresses.get(node.output().id()));
        updated++;
      }
    }
    assertEquals(plan.state().fixed().size(), updated);
    for (Value value : plan.state().values()) {
      assertEquals(View.EXTERNAL, plan.step().view(value).buffer(), value::toString);
    }
    assertEquals(2, graph.outputs().size() - plan.state().values().size(), "loss and logits");
  }
}
