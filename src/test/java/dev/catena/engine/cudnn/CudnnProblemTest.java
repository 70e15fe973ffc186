package dev.catena.engine.cudnn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.NativeLibrary;
import dev.catena.engine.FilterPacking;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
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
    CudnnTable convolution = operations(problem).getFirst();
    CudnnTable x = part(convolution, CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_X);
    CudnnTable w = part(convolution, CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_W);
    CudnnTable y = part(convolution, CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_Y);
    assertTensor(x, List.of(2L, 48L, 9L, 7L), List.of(9L * 7 * 48, 1L, 7L * 48, 48L));
    assertEquals(List.of(12L, 48L, 3L, 3L), numbers(w, CudnnAttribute.TENSOR_DIMENSIONS));
    assertTensor(y, List.of(2L, 12L, 5L, 4L), List.of(5L * 4 * 216, 1L, 4L * 216, 216L));
    assertEquals(List.of(8L), numbers(y, CudnnAttribute.TENSOR_BYTE_ALIGNMENT), "60 of two bytes");
    assertStride2(part(convolution, CudnnAttribute.OPERATION_CONVOLUTION_FORWARD_CONV_DESC));
  }

  private static List<CudnnTable> operations(Problem problem) {
    return CudnnProblem.graph(problem).rows().getFirst().tables();
  }

  private static CudnnTable part(CudnnTable table, CudnnAttribute attribute) {
    return row(table, attribute).tables().getFirst();
  }

  private static List<Long> numbers(CudnnTable table, CudnnAttribute attribute) {
    return row(table, attribute).numbers();
  }

  private static CudnnTable.Row row(CudnnTable table, CudnnAttribute attribute) {
    return table.rows().stream()
        .filter(row -> row.attribute() == attribute)
        .findFirst()
        .orElseThrow();
  }

  private static void assertTensor(CudnnTable tensor, List<Long> extent, List<Long> strides) {
    assertEquals(extent, numbers(tensor, CudnnAttribute.TENSOR_DIMENSIONS));
    assertEquals(strides, numbers(tensor, CudnnAttribute.TENSOR_STRIDES));
  }

  private static void assertStride2(CudnnTable window) {
    assertEquals(List.of(2L, 2L), numbers(window, CudnnAttribute.CONVOLUTION_FILTER_STRIDES));
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
    assertGradient(
        data(DType.BF16, 48, false),
        CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_DX,
        CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_W,
        CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_DY,
        CudnnAttribute.OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC);
    assertGradient(
        weights(DType.FP32),
        CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_X,
        CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_DW,
        CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_DY,
        CudnnAttribute.OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC);
  }

  private static void assertGradient(
      Problem problem, CudnnAttribute x, CudnnAttribute w, CudnnAttribute y, CudnnAttribute conv) {
    assertEquals(Optional.empty(), CudnnProblem.unsupported(problem));
    CudnnTable gradient = operations(problem).getFirst();
    assertEquals(
        List.of(2L, 48L, 9L, 7L), numbers(part(gradient, x), CudnnAttribute.TENSOR_DIMENSIONS));
    assertTensor(part(gradient, w), List.of(12L, 48L, 3L, 3L), List.of(9L * 48, 1L, 3L * 48, 48L));
    assertTensor(
        part(gradient, y), List.of(2L, 12L, 5L, 4L), List.of(5L * 4 * 216, 1L, 4L * 216, 216L));
    assertStride2(part(gradient, conv));
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
    List<CudnnTable> operations = operations(problem);
    assertEquals(4, operations.size());
    assertEquals(CudnnProblem.RESIDUAL, added(operations.get(1)));
    assertEquals(CudnnProblem.BIAS, added(operations.get(2)));
    Operand trained = Operand.filters(Shape.of(8, 8, 1, 1), DType.FP16);
    assertReason("behind a bias", new Problem(conv, List.of(x, trained, x), x));
  }

  private static long added(CudnnTable sum) {
    CudnnTable tensor = part(sum, CudnnAttribute.OPERATION_POINTWISE_BDESC);
    return numbers(tensor, CudnnAttribute.TENSOR_UNIQUE_ID).getFirst();
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
      FilterPacking.dense(shape, DType.FP32).pack(values, target);
      assertArrayEquals(expected, target.toArray(JAVA_FLOAT));
      MemorySegment half = arena.allocate(JAVA_SHORT, 12);
      FilterPacking.dense(shape, DType.BF16).pack(values, half);
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
