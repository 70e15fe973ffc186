package dev.catena.engine;

import dev.catena.engine.CudnnGraph.Convolution;
import dev.catena.engine.CudnnGraph.Direction;
import dev.catena.engine.CudnnGraph.Mode;
import dev.catena.engine.CudnnGraph.Pointwise;
import dev.catena.engine.CudnnGraph.Window;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import java.util.Optional;

/**
 * A convolution of ours in cuDNN's words: y = relu?(conv(x, w) + b). Extents are those of the
 * views, pitches go into the strides, so padding channels are neither read nor written. Weights are
 * packed K, R, S, C without gaps, the bias in the activations' type.
 */
final class CudnnProblem {

  static final long X = 1;
  static final long W = 2;
  static final long Y = 3;
  static final long BIAS = 4;
  private static final long PRODUCT = 10;
  private static final long BIASED = 11;

  private CudnnProblem() {}

  /** Why no graph can say this problem; empty where {@link #graph} can. */
  static Optional<String> unsupported(Problem problem) {
    if (problem.trains()) {
      return Optional.of("filters and vectors are packed before the first batch");
    }
    if (!(problem.op() instanceof Op.Conv conv)) {
      return Optional.of("cuDNN is asked for convolutions only");
    }
    if (conv.prologue() != Op.Prologue.NONE) {
      // Measured with 9.24: no plan on Hopper without channel statistics, none but in fp16.
      return Optional.of("cuDNN has no engine for a convolution with a prologue");
    }
    if (conv.residual()) {
      return Optional.of("the graph that cuDNN is given adds no residual");
    }
    if (problem.input(0).layout() != Layout.NHWC || problem.output().layout() != Layout.NHWC) {
      return Optional.of("cuDNN is given channels-last activations only");
    }
    return Optional.empty();
  }

  /** The graph; call only where {@link #unsupported} is empty. */
  static CudnnGraph graph(Problem problem) {
    var conv = (Op.Conv) problem.op();
    DType dtype = problem.output().dtype();
    CudnnTensor x = activation(X, problem.input(0));
    CudnnTensor y = activation(Y, problem.output());
    var window = new Window(conv.padH(), conv.padW(), conv.stride(), conv.stride());
    CudnnTensor w =
        CudnnTensor.krsc(
            W,
            dtype,
            y.extent().c(),
            conv.kernelH(),
            conv.kernelW(),
            x.extent().c() / conv.groups());

    if (!hasBias(conv)) {
      return CudnnGraph.of(new Convolution(Direction.FORWARD, x, w, y, window));
    }
    CudnnTensor product = y.intermediate(PRODUCT, DType.FP32);
    CudnnTensor bias = CudnnTensor.channels(BIAS, dtype, y.extent().c());
    var convolution = new Convolution(Direction.FORWARD, x, w, product, window);
    if (!conv.relu()) {
      return CudnnGraph.of(convolution, new Pointwise(Mode.ADD, product, bias, y));
    }
    CudnnTensor biased = y.intermediate(BIASED, DType.FP32);
    return CudnnGraph.of(
        convolution,
        new Pointwise(Mode.ADD, product, bias, biased),
        new Pointwise(Mode.RELU, biased, null, y));
  }

  /** Whether the graph adds a bias: cuDNN has engines for bias and ReLU, none for ReLU alone. */
  static boolean hasBias(Op.Conv conv) {
    return conv.bias() || conv.relu();
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
