package dev.catena.rewrite;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Policy;
import dev.catena.graph.Graph;
import dev.catena.graph.Interpreter;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AugmentInputTest {
  @Test
  void standsWhereImagesEnterEveryPolicy() {
    for (Policy policy : Policy.values()) {
      for (Pieces.Piece piece : Pieces.all()) {
        Graph step = policy.step(piece.network(), new LowerTraining(0.1f, 0));
        int channels = step.inputs().getFirst().shape().c();
        List<Float> ones = Collections.nCopies(channels, 1f);
        Graph augmented = new AugmentInput(4, true, ones, ones).apply(step);
        // Backward may have it computed again.
        assertTrue(augmented.nodes().stream().anyMatch(n -> n.op() instanceof TrainingOp.Augment));
        assertTrue(augmented.nodes().stream().noneMatch(n -> n.op() instanceof Op.FromNchw));
        long random = augmented.inputs().stream().filter(v -> v.name().equals("random")).count();
        assertEquals(1, random, piece.name());
      }
    }
  }

  /** Without frame and flip, and as much as nothing to normalise, it is what it replaces. */
  @Test
  void isFromNchwWhereItDoesNothing() {
    Graph step = Policy.FUSED.step(Pieces.tinyDenseNet(), new LowerTraining(0.1f, 0));
    int channels = step.inputs().getFirst().shape().c();
    List<Float> zeros = Collections.nCopies(channels, 0f);
    List<Float> ones = Collections.nCopies(channels, 1f);
    Graph same = new AugmentInput(0, false, zeros, ones).apply(step);
    Node entry =
        same.nodes().stream()
            .filter(n -> n.op() instanceof TrainingOp.Augment)
            .findFirst()
            .orElseThrow();
    Node before = step.producer(entry.output());
    Map<String, double[]> inputs = new HashMap<>();
    for (Value input : same.inputs()) {
      double[] values = new double[(int) input.shape().elements()];
      for (int i = 0; i < values.length; i++) {
        values[i] = i % 7 == 0 ? i % 3 : 1;
      }
      inputs.put(input.name(), values);
    }
    Interpreter one = Interpreter.run(step, inputs, AugmentInputTest::ones);
    Interpreter other = Interpreter.run(same, inputs, AugmentInputTest::ones);
    assertArrayEquals(one.value(before.output()), other.value(entry.output()));
  }

  private static double[] ones(Node parameter) {
    double[] ones = new double[(int) parameter.output().shape().elements()];
    Arrays.fill(ones, 1);
    return ones;
  }
}
