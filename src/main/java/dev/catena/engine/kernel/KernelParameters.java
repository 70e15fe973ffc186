package dev.catena.engine.kernel;

import dev.catena.engine.Operand;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/**
 * Structs within the parameters of several kernels: those of the kernels' headers, field by field.
 */
final class KernelParameters {
  private KernelParameters() {}

  /** A view of an activation, {@link #NONE} where there is none. */
  record View(long data, int pitch) {
    static final View NONE = new View(0, 0);
  }

  /** What becomes of a convolution's sums. */
  record Epilogue(long bias, View residual, int rectify) {
    static final Epilogue NONE = new Epilogue(0, View.NONE, 0);
  }

  /** The extents of an image. */
  record Image(int height, int width) {
    static Image of(Shape shape) {
      return new Image(shape.h(), shape.w());
    }
  }

  /** The windows along one axis. */
  record Taps(int kernel, int stride, int pad, int end, int dilation) {
    static Taps of(Op.Window w) {
      return new Taps(w.kernel(), w.stride(), w.pad(), w.end(), w.dilation());
    }
  }

  /** The images of a convolution. */
  record ConvExtents(int images, int height, int width, int outHeight, int outWidth) {
    /** From {@code x} to {@code y}. */
    static ConvExtents of(Shape x, Shape y) {
      return new ConvExtents(x.n(), x.h(), x.w(), y.h(), y.w());
    }
  }

  /** The channels of a convolution of one group, and where they lie. */
  record ConvChannels(int channels, int outputs, int yPitch, int xPitch) {
    /** From {@code x} to {@code y}. */
    static ConvChannels of(Operand x, Operand y) {
      return new ConvChannels(x.shape().c(), y.shape().c(), y.pitch(), x.pitch());
    }
  }
}
