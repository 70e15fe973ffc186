package dev.catena.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.catena.Policy;
import dev.catena.error.GraphException;
import dev.catena.graph.Graph;
import dev.catena.graph.Interpreter;
import dev.catena.graph.Node;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LowerTrainingTest {
  private static final float MOMENTUM = 0.25f;
  private static final LowerTraining LOWERING = new LowerTraining(MOMENTUM, 0);

  @Test
  void runningStatisticsMoveTowardsMeanAndUnbiasedVariance() {
    Graph step = Policy.UNFUSED.step(piece("norm"), LOWERING);
    Interpreter run = new Step(step, Pieces.CLASSES).run();
    Node next = step.producer(step.outputs().get(2));
    Value x = step.producer(next.input(1)).input(0);
    int channels = x.shape().c();
    for (int c = 0; c < channels; c++) {
      int channel = c;
      double[] values =
          IntStream.range(0, (int) x.shape().pixels())
              .mapToDouble(p -> run.value(x)[p * channels + channel])
              .toArray();
      double mean = Arrays.stream(values).average().orElseThrow();
      double variance =
          Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum() / (values.length - 1);
      assertMoved(run, step, 2, c, mean);
      assertMoved(run, step, 3, c, variance);
    }
  }

  private static void assertMoved(Interpreter run, Graph step, int output, int c, double batch) {
    Value next = step.outputs().get(output);
    double before = run.value(step.producer(next).input(0))[c];
    double expected = (1 - MOMENTUM) * before + MOMENTUM * batch;
    assertEquals(expected, run.value(next)[c], 1e-12, next::toString);
  }

  @Test
  void theLossComesFirstThenTheLogits() {
    Graph lowered = LOWERING.apply(piece("dropout"));
    Node loss = lowered.producer(lowered.outputs().getFirst());
    assertEquals(new TrainingOp.SoftmaxCrossEntropy(0, 1), loss.op());
    assertEquals("output", lowered.outputs().get(1).name());
    assertEquals(
        List.of("input", "random", "labels"), lowered.inputs().stream().map(Value::name).toList());
  }

  @Test
  void aGraphThatDoesNotEndWithLogitsIsRefused() {
    Graph lowered = LOWERING.apply(piece("norm"));
    assertThrows(GraphException.class, () -> LOWERING.apply(lowered));
  }

  private static Graph piece(String name) {
    return Pieces.all().stream()
        .filter(p -> p.name().equals(name))
        .findFirst()
        .orElseThrow()
        .network();
  }
}
