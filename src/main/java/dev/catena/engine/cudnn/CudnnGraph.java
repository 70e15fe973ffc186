package dev.catena.engine.cudnn;

import static dev.catena.driver.CudnnConstants.POINTWISE_ADD;
import static dev.catena.driver.CudnnConstants.POINTWISE_MUL;
import static dev.catena.driver.CudnnConstants.POINTWISE_RELU_FWD;

import java.util.List;

/**
 * Operations that cuDNN is asked to run as one, a plain value; {@link CudnnLowering} makes the
 * native descriptors. Intermediate tensors join the operations. {@link #toString} is complete and
 * stable: the key of stored plans.
 */
record CudnnGraph(List<Operation> operations) {

  CudnnGraph {
    operations = List.copyOf(operations);
  }

  static CudnnGraph of(Operation... operations) {
    return new CudnnGraph(List.of(operations));
  }

  /** One node of the graph. All arithmetic is in fp32. */
  sealed interface Operation {}

  /** What a convolution computes from the other two tensors. */
  enum Direction {
    /** y from x and w. */
    FORWARD,
    /** dx from dy and w. */
    DATA,
    /** dw from x and dy. */
    WEIGHTS
  }

  /** Padding and step of the sliding window, the same on all sides; cross-correlation. */
  record Window(int padH, int padW, int strideH, int strideW) {
    static Window square(int pad, int stride) {
      return new Window(pad, pad, stride, stride);
    }
  }

  /** Groups follow from the extents: input channels of {@code x} over those of {@code w}. */
  record Convolution(
      Direction direction, CudnnTensor x, CudnnTensor w, CudnnTensor y, Window window)
      implements Operation {}

  /** The pointwise operations, with their numbers in cuDNN. */
  enum Mode {
    ADD(POINTWISE_ADD),
    MULTIPLY(POINTWISE_MUL),
    RELU(POINTWISE_RELU_FWD);

    final int number;

    Mode(int number) {
      this.number = number;
    }
  }

  /** y = mode(x, b), b broadcast where its extent is 1; {@code b} is null for one operand. */
  record Pointwise(Mode mode, CudnnTensor x, CudnnTensor b, CudnnTensor y) implements Operation {}

  /** Sum and sum of squares of x over N, H and W. */
  record Statistics(CudnnTensor x, CudnnTensor sum, CudnnTensor sumOfSquares)
      implements Operation {}
}
