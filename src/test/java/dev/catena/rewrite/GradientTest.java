package dev.catena.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Policy;
import dev.catena.error.GraphException;
import dev.catena.graph.DType;
import dev.catena.graph.Differentiate;
import dev.catena.graph.Graph;
import dev.catena.graph.Init;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Gradients against central finite differences of the loss, in fp64, along random directions of
 * each parameter; and those of all policies against each other.
 */
class GradientTest {
  private static final int CLASSES = Pieces.CLASSES;
  private static final int DIRECTIONS = 2;
  private static final LowerTraining LOWERING = new LowerTraining(0.1f, 0.1f);

  static List<Pieces.Piece> pieces() {
    return Pieces.all();
  }

  @ParameterizedTest
  @MethodSource("pieces")
  void ofEveryOperationIsThatOfFiniteDifferences(Pieces.Piece piece) {
    for (Policy policy : Policy.values()) {
      assertGradients(new Step(policy.step(piece.network(), LOWERING), CLASSES));
    }
  }

  @ParameterizedTest
  @EnumSource
  void ofADenseNetIsThatOfFiniteDifferences(Policy policy) {
    assertGradients(new Step(policy.step(Pieces.tinyDenseNet(), LOWERING), 10));
  }

  @ParameterizedTest
  @MethodSource("pieces")
  void isTheSameUnderEveryPolicy(Pieces.Piece piece) {
    assertPoliciesAgree(piece.network(), CLASSES);
  }

  @Test
  void ofADenseNetIsTheSameUnderEveryPolicy() {
    assertPoliciesAgree(Pieces.tinyDenseNet(), 10);
  }

  /** A block, all normalisations, all filters, and what a head reads. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "features",
        "features.conv0,features.denseblock1",
        "features.denseblock2",
        "*.norm*",
        "features.denseblock*.conv*",
        "*.bias",
        "classifier",
      })
  void besideFrozenParametersIsThatOfFiniteDifferences(String frozen) {
    Graph network = new Freeze(List.of(frozen.split(","))).apply(Pieces.tinyDenseNet());
    for (Policy policy : Policy.values()) {
      assertGradients(new Step(policy.step(network, LOWERING), 10));
    }
    assertPoliciesAgree(network, 10);
  }

  @Test
  void ofALossThatDoesNotDependOnAParameterIsRefusedByName() {
    Graph lowered = LOWERING.apply(pieces().getFirst().network());
    Shape shape = Shape.of(2);
    Value value = new Value(10_000, "unread.weight", shape, DType.FP32, Layout.PARAMETER);
    List<Node> nodes = new ArrayList<>(lowered.nodes());
    nodes.add(new Node(value.name(), new Op.Parameter(new Init.Constant(0)), List.of(), value));
    Graph graph = new Graph("dead", lowered.inputs(), nodes, lowered.outputs());
    GraphException e = assertThrows(GraphException.class, () -> Differentiate.apply(graph));
    assertTrue(e.getMessage().contains("unread.weight"), e.getMessage());
  }

  private static void assertGradients(Step step) {
    List<double[]> outputs = step.outputs();
    List<Node> trainable = step.trainable();
    List<double[]> gradients = outputs.subList(outputs.size() - trainable.size(), outputs.size());
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < trainable.size(); i++) {
      double[] gradient = gradients.get(i);
      double norm = Math.sqrt(Arrays.stream(gradient).map(v -> v * v).sum());
      SplittableRandom random = new SplittableRandom(i);
      for (int d = 0; d < DIRECTIONS; d++) {
        double[] direction = new double[gradient.length];
        Arrays.setAll(direction, _ -> random.nextGaussian());
        double expected = difference(step, trainable.get(i), direction);
        double actual = 0;
        for (int j = 0; j < direction.length; j++) {
          actual += gradient[j] * direction[j];
        }
        // A bias before a normalisation has no gradient but rounding.
        if (!(Math.abs(actual - expected) <= 1e-6 * norm + 1e-9)) {
          wrong.add(
              trainable.get(i).name() + ": " + actual + " for " + expected + ", norm " + norm);
        }
      }
    }
    assertEquals(List.of(), wrong);
  }

  /** The derivative along a direction; where a kink is near, by a smaller step. */
  private static double difference(Step step, Node parameter, double[] direction) {
    for (double h = 1e-4; ; h /= 4) {
      Step.Moved up = step.moved(parameter, direction, h);
      Step.Moved down = step.moved(parameter, direction, -h);
      Step.Moved further = step.moved(parameter, direction, 2 * h);
      Step.Moved back = step.moved(parameter, direction, -2 * h);
      if (h < 1e-8 || further.branches() == back.branches()) {
        // Of fourth order: the error is that of h⁴.
        return (8 * (up.loss() - down.loss()) - (further.loss() - back.loss())) / (12 * h);
      }
    }
  }

  private static void assertPoliciesAgree(Graph network, int classes) {
    List<double[]> expected = new Step(Policy.UNFUSED.step(network, LOWERING), classes).outputs();
    for (Policy policy : Policy.values()) {
      List<double[]> actual = new Step(policy.step(network, LOWERING), classes).outputs();
      assertEquals(expected.size(), actual.size());
      for (int i = 0; i < expected.size(); i++) {
        double norm = Arrays.stream(expected.get(i)).map(Math::abs).max().orElseThrow();
        for (int j = 0; j < expected.get(i).length; j++) {
          double off = Math.abs(expected.get(i)[j] - actual.get(i)[j]);
          assertTrue(off <= 1e-10 * norm + 1e-14, policy + ", output " + i + ": off by " + off);
        }
      }
    }
  }
}
