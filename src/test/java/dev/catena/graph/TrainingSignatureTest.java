package dev.catena.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.GraphException;
import java.util.List;
import org.junit.jupiter.api.Test;

class TrainingSignatureTest {
  private final Value x = activation(Shape.nhwc(2, 6, 6, 8));
  private final Value g = activation(Shape.nhwc(2, 3, 3, 4));
  private final Value w = dense(Shape.of(4, 8, 3, 3));
  private final Value vector = dense(Shape.of(8));
  private final Value statistics = activation(Shape.nhwc(2, 1, 1, 8));
  private final Op.Conv conv = Op.Conv.of(3, 2, 1);

  @Test
  void aGradientThroughANormalisationHasItsSumsAsSecondOutput() {
    Op.Conv fused = conv.withPrologue(Op.Prologue.SCALE_SHIFT_RELU);
    Node node =
        node(new TrainingOp.ConvDgrad(fused, 6, 6, false), g, w, x, vector, vector, statistics);
    assertEquals(x.shape(), node.output().shape());
    assertEquals(DType.FP16, node.output().dtype());
    Value sums = node.output(1);
    assertEquals(statistics.shape(), sums.shape());
    assertEquals(DType.FP32, sums.dtype());
    assertEquals("n.sums", sums.name());
  }

  @Test
  void gradientsOfParametersAreFp32AndShapedLikeThem() {
    Value dw = node(new TrainingOp.ConvWgrad(conv), g, x).output();
    assertEquals(w.shape(), dw.shape());
    assertEquals(DType.FP32, dw.dtype());
    assertEquals(Layout.FILTERS, dw.layout());
  }

  @Test
  void whatDoesNotFitIsRefusedByName() {
    assertRefused(
        "n: input g is NHWC [2x3x3x4], not an activation [Nx4x4xK]",
        new TrainingOp.ConvDgrad(conv, 8, 8, false),
        g,
        w);
    assertRefused(
        "n: takes 3 inputs [g, w, a], got 2", new TrainingOp.ConvDgrad(conv, 6, 6, true), g, w);
    assertRefused(
        "n: input a is NHWC [2x3x3x4], not an activation [2x6x6x8]",
        new TrainingOp.ConvDgrad(conv, 6, 6, true),
        g,
        w,
        g);
    assertRefused("n: takes 2 inputs [g, x], got 3", new TrainingOp.ConvWgrad(conv), g, x, x);
    assertRefused("n: x has no 4 channels from 6", new TrainingOp.Slice(6, 4), x);
    assertRefused(
        "n: input x is NHWC [2x6x6x8], not an activation [Nx1x1xC]",
        new TrainingOp.SoftmaxCrossEntropy(0, 1),
        x,
        vector);
    assertRefused(
        "take a larger batch", new TrainingOp.RunningVariance(0.1f, 1), vector, statistics);
  }

  private static void assertRefused(String why, TrainingOp op, Value... inputs) {
    GraphException e = assertThrows(GraphException.class, () -> node(op, inputs));
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  private static Node node(TrainingOp op, Value... inputs) {
    return Node.of("n", op, List.of(inputs), DType.FP16, () -> 100);
  }

  private static Value activation(Shape shape) {
    return new Value(0, "v", shape, DType.FP16, Layout.NHWC);
  }

  private static Value dense(Shape shape) {
    return new Value(0, "v", shape, DType.FP32, Layout.DENSE);
  }
}
