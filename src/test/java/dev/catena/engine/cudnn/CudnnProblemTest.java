package dev.catena.engine.cudnn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.driver.NativeLibrary;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.cudnn.CudnnGraph.Convolution;
import dev.catena.engine.cudnn.CudnnGraph.Direction;
import dev.catena.engine.cudnn.CudnnGraph.Operation;
import dev.catena.engine.cudnn.CudnnGraph.Pointwise;
import dev.catena.engine.cudnn.CudnnTensor.Extent;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What cuDNN is told of our problems; needs no cuDNN. */
class CudnnProblemTest {

  @Test
  void aViewIsItsOwnExtentWithTheBuffersPitch() {
    Problem problem =
        new Problem(
            Op.Conv.of(3, 2, 1),
            List.of(
                Operand.packed(Shape.nhwc(2, 9, 7, 48), DType.FP16),
                Operand.constant(Shape.of(12, 48, 3, 3))),
            Operand.view(Shape.nhwc(2, 5, 4, 12), DType.FP16, 60, 216));
    var convolution = (Convolution) CudnnProblem.graph(problem).operations().getFirst();
    assertEquals(new Extent(2, 48, 9, 7), convolution.x().extent());
    assertEquals(new Extent(9 * 7 * 48, 1, 7 * 48, 48), convolution.x().strides());
    assertEquals(new Extent(12, 48, 3, 3), convolution.w().extent());
    assertEquals(new Extent(2, 12, 5, 4), convolution.y().extent());
    assertEquals(new Extent(5 * 4 * 216, 1, 4 * 216, 216), convolution.y().strides());
    assertEquals(8, convolution.y().alignment(), "60 channels of two bytes");
    assertEquals(2, convolution.window().strideW());
  }

  @Test
  void aPrologueIsNotForCudnn() {
    Op.Conv conv = Op.Conv.of(1, 1, 0).withPrologue(Op.Prologue.SCALE_SHIFT_RELU);
    Operand x = Operand.packed(Shape.nhwc(1, 4, 4, 8), DType.FP32);
    Operand vector = Operand.constant(Shape.of(8));
    Problem problem =
        new Problem(conv, List.of(x, Operand.constant(Shape.of(8, 8, 1, 1)), vector, vector), x);
    assertTrue(CudnnProblem.unsupported(problem).orElse("").contains("prologue"));
  }

  private static final Op.Conv STRIDED = Op.Conv.of(3, 2, 1);

  /** Gradients of a 3x3 from 48 channels at 9x7 to 12 at 5x4, in slices of wider buffers. */
  private static Problem data(DType dtype, int channels, boolean accumulate) {
    Operand g = Operand.view(Shape.nhwc(2, 5, 4, 12), dtype, 60, 216);
    Operand w = Operand.filters(Shape.of(12, channels, 3, 3), dtype);
    Operand dx = Operand.packed(Shape.nhwc(2, 9, 7, channels), dtype);
    List<Operand> inputs = accumulate ? List.of(g, w, dx) : List.of(g, w);
    return new Problem(new TrainingOp.ConvDgrad(STRIDED, 9, 7, accumulate), inputs, dx);
  }

  private static Problem weights(DType dtype) {
    Problem data = data(dtype, 48, false);
    Operand dw = Operand.filters(Shape.of(12, 48, 3, 3), DType.FP32);
    return new Problem(
        new TrainingOp.ConvWgrad(STRIDED), List.of(data.input(0), data.output()), dw);
  }

  @Test
  void aGradientIsTheSameThreeTensorsTheOtherWayRound() {
    for (Problem problem : List.of(data(DType.BF16, 48, false), weights(DType.FP32))) {
      assertEquals(Optional.empty(), CudnnProblem.unsupported(problem));
      var convolution = (Convolution) CudnnProblem.graph(problem).operations().getFirst();
      boolean data = problem.op() instanceof TrainingOp.ConvDgrad;
      assertEquals(data ? Direction.DATA : Direction.WEIGHTS, convolution.direction());
      assertEquals(new Extent(2, 48, 9, 7), convolution.x().extent());
      assertEquals(new Extent(12, 48, 3, 3), convolution.w().extent());
      assertEquals(new Extent(9 * 48, 1, 3 * 48, 48), convolution.w().strides());
      assertEquals(new Extent(2, 12, 5, 4), convolution.y().extent());
      assertEquals(new Extent(5 * 4 * 216, 1, 4 * 216, 216), convolution.y().strides());
      assertEquals(2, convolution.window().strideH());
    }
  }

  @Test
  void whatCudnnCannotDoWithAGradientIsSaid() {
    assertReason("16 bits", weights(DType.FP16));
    assertReason("adds to a gradient", data(DType.FP16, 48, true));
    assertReason("multiple of 8", data(DType.FP16, 60, false));
  }

  @Test
  void aResidualIsAddedBeforeTheBias() {
    Operand x = Operand.packed(Shape.nhwc(1, 4, 4, 8), DType.FP16);
    Op.Conv conv = Op.Conv.of(1, 1, 0).withResidual(true);
    Operand w = Operand.constant(Shape.of(8, 8, 1, 1));
    Problem problem = new Problem(conv, List.of(x, w, x), x);
    assertEquals(Optional.empty(), CudnnProblem.unsupported(problem));
    List<Operation> operations = CudnnProblem.graph(problem).operations();
    assertEquals(4, operations.size());
    assertEquals(CudnnProblem.RESIDUAL, ((Pointwise) operations.get(1)).b().id());
    assertEquals(CudnnProblem.BIAS, ((Pointwise) operations.get(2)).b().id());
    Operand trained = Operand.filters(Shape.of(8, 8, 1, 1), DType.FP16);
    assertReason("behind a bias", new Problem(conv, List.of(x, trained, x), x));
  }

  private static void assertReason(String word, Problem problem) {
    String why = CudnnProblem.unsupported(problem).orElse("");
    assertTrue(why.contains(word), why);
  }

  @Test
  void filtersArePackedInputChannelsLast() {
    Shape shape = Shape.of(2, 3, 1, 2);
    float[] values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    float[] expected = {1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 12};
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment target = arena.allocate(JAVA_FLOAT, 12);
      CudnnConvolution.packKrsc(values, shape, DType.FP32, target);
      assertArrayEquals(expected, target.toArray(JAVA_FLOAT));
      MemorySegment half = arena.allocate(JAVA_SHORT, 12);
      CudnnConvolution.packKrsc(values, shape, DType.BF16, half);
      assertEquals(3, DType.BF16.fromBits(half.getAtIndex(JAVA_SHORT, 1)));
    }
  }

  @Test
  void anOldLibraryIsNamedWithTheRemedy() {
    String said =
        CudnnLibrary.tooOld(
            new NativeLibrary.Found(
                NativeLibrary.CUDNN,
                Path.of("/opt/cudnn/libcudnn.so.9"),
                "9.5.1",
                "the loader's path",
                _ -> Optional.empty(),
                List.of()));
    assertTrue(said.startsWith("cuDNN 9.8.0 or later is needed"), said);
    assertTrue(said.contains("9.5.1") && said.contains("/opt/cudnn") && said.contains("install"));
  }
}
