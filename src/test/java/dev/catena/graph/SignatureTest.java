package dev.catena.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.GraphException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class SignatureTest {
  private static final Value X = activation(0, 2, 5, 7, 8);

  @ParameterizedTest
  @CsvSource({
    // size, kernel, stride, pad, ceil, output: PyTorch's
    "7, 3, 2, 1, false, 4",
    "8, 3, 2, 1, false, 4",
    "8, 3, 2, 1, true, 5",
    "7, 2, 2, 0, false, 3",
    "7, 2, 2, 0, true, 4",
    "5, 2, 3, 1, true, 2", // a third window would start behind the image
    "2, 1, 2, 0, true, 1",
    "3, 3, 1, 0, true, 1",
  })
  void windows(int size, int kernel, int stride, int pad, boolean ceil, int expected) {
    Op.Window axis = Op.Window.of(kernel, stride, pad);
    Op.Pool pool = new Op.Pool(Op.PoolKind.MAX, axis, axis, ceil, false, Op.Prologue.NONE);
    Shape y = infer("pool", pool, List.of(activation(0, 1, size, size, 4)));
    assertEquals(Shape.nhwc(1, expected, expected, 4), y);
    if (!ceil) {
      Value w = constant(1, 6, 4, kernel, kernel);
      List<Value> in = List.of(activation(0, 1, size, size, 4), w);
      Shape z = infer("conv", Op.Conv.of(kernel, stride, pad), in);
      assertEquals(Shape.nhwc(1, expected, expected, 6), z);
    }
  }

  @Test
  void whatEachOperationMakes() {
    assertShape(Shape.nhwc(2, 5, 7, 8), new Op.Relu(), X);
    assertShape(Shape.nhwc(2, 5, 7, 24), new Op.Concat(), X, X, X);
    assertShape(Shape.nhwc(2, 1, 1, 8), new Op.GlobalAveragePool(Op.Prologue.NONE), X);
    Value vector = constant(1, 8);
    assertShape(Shape.nhwc(2, 5, 7, 8), new Op.ScaleShift(true), X, vector, vector);
    Op.Conv grouped = new Op.Conv(1, 3, 1, 0, 1, 4, Op.Prologue.SCALE_SHIFT, true, false);
    Value filters = constant(2, 12, 2, 1, 3);
    Value bias = constant(3, 12);
    assertShape(Shape.nhwc(2, 5, 7, 12), grouped, X, filters, vector, vector, bias);
    Value pooled = activation(4, 2, 1, 1, 8);
    assertShape(
        Shape.nhwc(2, 1, 1, 10), new Op.Linear(), pooled, constant(5, 10, 8), constant(6, 10));
    assertShape(Shape.of(8), new Op.BnScale(1e-5f), vector, vector);
    assertShape(Shape.of(12, 2, 1, 3), new Op.ScaleFilters(), filters, bias);
  }

  record Refused(Op op, List<Value> inputs, String why) {}

  static Stream<Refused> refused() {
    Value filters = constant(1, 4, 8, 3, 3);
    Value vector = constant(2, 8);
    Value batch = new Value(9, "batch", Shape.nhwc(2, 5, 7, 8), DType.FP32, Layout.NCHW);
    Op.Conv conv = Op.Conv.of(3, 1, 1);
    Op.Conv none = new Op.Conv(3, 3, 1, 1, 1, 0, Op.Prologue.NONE, false, false);
    Op.Conv three = new Op.Conv(3, 3, 1, 1, 1, 3, Op.Prologue.NONE, false, false);
    return Stream.of(
        refused(conv, "takes 2 inputs [x, w], got 1", X),
        refused(conv.withEpilogue(true, false), "takes 3 inputs [x, w, b], got 2", X, filters),
        refused(conv, "input w is NHWC [2x5x7x8], not filters [Kx8x3x3]", X, X),
        refused(conv, "input x is PARAMETER [4x8x3x3], not an activation", filters, filters),
        refused(conv, "input x is NCHW [2x5x7x8], not an activation", batch, filters),
        refused(
            conv,
            "input w is PARAMETER [4x8x1x1], not filters [Kx8x3x3]",
            X,
            constant(1, 4, 8, 1, 1)),
        refused(
            conv,
            "input w is PARAMETER [4x6x3x3], not filters [Kx8x3x3]",
            X,
            constant(1, 4, 6, 3, 3)),
        refused(none, "0 groups", X, filters),
        refused(three, "C = 8 is no multiple of 3", X, filters),
        refused(Op.Conv.of(3, 0, 1), "out of range", X, filters),
        refused(Op.Conv.of(3, 1, -1), "out of range", X, filters),
        refused(Op.Conv.of(3, 1, 1 << 30), "padding is more than 1048576", X, filters),
        refused(
            conv.withEpilogue(true, false),
            "input b is PARAMETER [8], not a bias [4]",
            X,
            filters,
            vector),
        refused(pool(6, 1, 0), "a window of 6 does not fit 5", X),
        refused(pool(2, 2, 2), "a window of 2 fits in a padding of 2", X),
        refused(new Op.Add(false), "cannot add", X, activation(1, 1, 5, 7, 8)),
        refused(new Op.Add(false), "input r is PARAMETER [8], not a computed value", X, vector),
        refused(new Op.Concat(), "takes one input or more, got 0"),
        refused(
            new Op.Concat(),
            "input x is NHWC [2x5x6x8], not an activation [2x5x7x?]",
            X,
            activation(1, 2, 5, 6, 8)),
        refused(new Op.Join(), "input x is NCHW [2x5x7x8], not an activation [2x5x7x?]", X, batch),
        refused(
            new Op.ScaleShift(false),
            "input s is PARAMETER [4], not a scale [8]",
            X,
            constant(1, 4),
            vector),
        refused(
            new Op.BatchNorm(1e-5f), "takes 5 inputs [x, gamma, beta, mean, variance], got 1", X),
        refused(
            new Op.Linear(),
            "input x is NHWC [2x5x7x8], not an activation [Nx1x1xC]",
            X,
            constant(1, 10, 8),
            constant(2, 10)),
        refused(new Op.Dropout(1), "not a probability", X),
        refused(new Op.FromNchw(), "input x is NHWC [2x5x7x8], not images", X),
        refused(new Op.ToNchw(), "input x is NCHW [2x5x7x8], not an activation", batch),
        refused(new Op.BnScale(1e-5f), "input gamma is NHWC [2x5x7x8], not a constant", X, vector),
        refused(
            new Op.BnScale(1e-5f),
            "input variance is PARAMETER [8], not a constant [4]",
            constant(1, 4),
            vector),
        refused(new Op.Parameter(new Init.Constant(0)), "given, not inferred"));
  }

  @ParameterizedTest
  @MethodSource
  void refused(Refused refused) {
    GraphException e =
        assertThrows(
            GraphException.class, () -> infer("features.l7", refused.op(), refused.inputs()));
    assertTrue(e.getMessage().startsWith("features.l7: "), e.getMessage());
    assertTrue(e.getMessage().contains(refused.why()), e.getMessage());
  }

  @Test
  void sliceBodiesMustFit() {
    GraphBuilder g = new GraphBuilder("body", DType.FP32);
    Graph body = g.build(g.relu("r", g.input(2, 8, 5, 7)));
    Value batch = new Value(0, "batch", Shape.nhwc(4, 5, 7, 8), DType.FP32, Layout.NCHW);
    assertRefused(new Op.InSlices(body, 3), "3 images do not divide the batch", batch);
    assertRefused(new Op.InSlices(body, 0), "0 images do not divide", batch);
    assertRefused(new Op.InSlices(body, 4), "the body takes", batch);
    assertRefused(new Op.InSlices(body, 2), "not one activation of 2 images", batch);
    assertRefused(new Op.InSlices(body, 2), "takes 1 inputs [x], got 2", batch, constant(1, 4));
  }

  private static void assertRefused(Op op, String why, Value... in) {
    GraphException e = assertThrows(GraphException.class, () -> infer("s", op, List.of(in)));
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  private static void assertShape(Shape expected, Op op, Value... in) {
    assertEquals(expected, infer("node", op, List.of(in)));
  }

  private static Shape infer(String name, Op op, List<Value> in) {
    return Signature.infer(name, op, in, DType.FP32).getFirst().shape();
  }

  private static Refused refused(Op op, String why, Value... in) {
    return new Refused(op, List.of(in), why);
  }

  private static Op.Pool pool(int kernel, int stride, int pad) {
    return Op.Pool.of(Op.PoolKind.AVERAGE, kernel, stride, pad);
  }

  private static Value activation(int id, int n, int h, int w, int c) {
    return new Value(id, "x" + id, Shape.nhwc(n, h, w, c), DType.FP32, Layout.NHWC);
  }

  private static Value constant(int id, int... dims) {
    return new Value(id, "w" + id, Shape.of(dims), DType.FP32, Layout.PARAMETER);
  }
}
