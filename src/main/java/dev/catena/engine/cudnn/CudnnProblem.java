package dev.catena.engine.cudnn;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.cudnn.CudnnTable.Direction;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A convolution of ours in cuDNN's words: y = relu?(conv(x, w) + r + b), or its gradient by x or w.
 * Extents are those of the views, pitches go into the strides, so padding channels are neither read
 * nor written. Filters are packed K, R, S, C without gaps, a constant bias in the activations'
 * type.
 *
 * <p>What is refused here was asked of cuDNN 9.24 for the H200, the A100 and the B200.
 */
final class CudnnProblem {

  static final long X = 1;
  static final long W = 2;
  static final long Y = 3;
  static final long BIAS = 4;
  static final long RESIDUAL = 5;
  private static final long PRODUCT = 10;
  private static final long SUM = 11;
  private static final long BIASED = 12;

  private CudnnProblem() {}

  /** Why no graph can say this problem; empty where {@link #graph} can. */
  static Optional<String> unsupported(Problem problem) {
    return switch (problem.op()) {
      case Op.Conv conv when problem.trains() && adds(conv) && !conv.bias() ->
          Optional.of("cuDNN adds and rectifies behind a bias only");
      case Op.Conv conv -> unsupported(problem, conv);
      case TrainingOp.ConvDgrad gradient when gradient.accumulate() ->
          Optional.of("cuDNN has no engine that adds to a gradient");
      case TrainingOp.ConvDgrad gradient -> unsupported(problem, gradient.conv());
      case TrainingOp.ConvWgrad _ when problem.input(0).dtype() != DType.FP32 ->
          Optional.of("cuDNN would round the gradient of filters to 16 bits");
      case TrainingOp.ConvWgrad gradient -> unsupported(problem, gradient.conv());
      default -> Optional.of("cuDNN is asked for convolutions only");
    };
  }

  private static Optional<String> unsupported(Problem problem, Op.Conv conv) {
    if (conv.prologue() != Op.Prologue.NONE) {
      // No plan on Hopper without channel statistics, none but in fp16.
      return Optional.of("cuDNN has no engine for a convolution with a prologue");
    }
    for (Operand operand : problem.operands()) {
      if (operand.layout() == Layout.NCHW) {
        return Optional.of("cuDNN is given channels-last activations only");
      }
      if (operand.layout() == Layout.FILTERS && operand.pitch() != operand.shape().dim(1)) {
        return Optional.of("cuDNN takes no filters with gaps: channels must be a multiple of 8");
      }
    }
    return Optional.empty();
  }

  /** The graph; call only where {@link #unsupported} is empty. */
  static CudnnTable graph(Problem problem) {
    return switch (problem.op()) {
      case TrainingOp.ConvDgrad gradient -> {
        CudnnTensor dx = activation(X, problem.output());
        CudnnTensor dy = activation(Y, problem.input(0));
        yield CudnnTable.graph(
            List.of(convolution(Direction.DATA, gradient.conv(), dx, dy, dy.dtype())));
      }
      case TrainingOp.ConvWgrad gradient -> {
        CudnnTensor x = activation(X, problem.input(1));
        CudnnTensor dy = activation(Y, problem.input(0));
        yield CudnnTable.graph(
            List.of(convolution(Direction.WEIGHTS, gradient.conv(), x, dy, dy.dtype())));
      }
      default -> forward(problem, (Op.Conv) problem.op());
    };
  }

  private static CudnnTable forward(Problem problem, Op.Conv conv) {
    DType dtype = problem.output().dtype();
    CudnnTensor x = activation(X, problem.input(0));
    CudnnTensor y = activation(Y, problem.output());
    if (!hasBias(conv)) {
      return CudnnTable.graph(List.of(convolution(Direction.FORWARD, conv, x, y, dtype)));
    }
    List<CudnnTable> operations = new ArrayList<>();
    CudnnTensor sum = y.intermediate(PRODUCT);
    operations.add(convolution(Direction.FORWARD, conv, x, sum, dtype));
    if (conv.residual()) { // In this order: behind the bias there are no plans.
      CudnnTensor residual = activation(RESIDUAL, problem.input(conv.residualIndex()));
      CudnnTensor more = y.intermediate(SUM);
      operations.add(CudnnTable.add(sum, residual, more));
      sum = more;
    }
    boolean trained = conv.bias() && problem.input(conv.biasIndex()).layout() == Layout.DENSE;
    CudnnTensor bias = CudnnTensor.channels(BIAS, trained ? DType.FP32 : dtype, y.channels());
    CudnnTensor biased = conv.relu() ? y.intermediate(BIASED) : y;
    operations.add(CudnnTable.add(sum, bias, biased));
    if (conv.relu()) {
      operations.add(CudnnTable.relu(biased, y));
    }
    return CudnnTable.graph(operations);
  }

  /** With filters of {@code dtype}. */
  private static CudnnTable convolution(
      Direction direction, Op.Conv conv, CudnnTensor x, CudnnTensor y, DType dtype) {
    long channels = x.channels() / conv.groups();
    CudnnTensor w =
        CudnnTensor.krsc(W, dtype, y.channels(), conv.kernelH(), conv.kernelW(), channels);
    return CudnnTable.convolution(direction, x, w, y, conv.rows(), conv.columns());
  }

  /** Whether the graph adds a bias: cuDNN has engines for bias and ReLU, none for ReLU alone. */
  static boolean hasBias(Op.Conv conv) {
    return conv.bias() || adds(conv);
  }

  private static boolean adds(Op.Conv conv) {
    return conv.relu() || conv.residual();
  }

  private static CudnnTensor activation(long id, Operand operand) {
    var shape = operand.shape();
    return CudnnTensor.nhwc(
        id,
        operand.dtype(),
        shape.n(),
        shape.h(),
        shape.w(),
        shape.c(),
        operand.pitch(),
        alignment(operand));
  }

  /** Buffers are 256-byte aligned and pitches multiples of 8: the first channel decides. */
  private static int alignment(Operand operand) {
    int offset = operand.firstChannel() * operand.dtype().bytes();
    return offset == 0
        ? CudnnTensor.ALIGNMENT
        : Math.min(CudnnTensor.ALIGNMENT, Integer.lowestOneBit(offset));
  }
}
