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

  /** What is done to an input on the way in, per channel. */
  record Prologue(long scale, long shift, int rectify) {
    static final Prologue NONE = new Prologue(0, 0, 0);
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

  /** A convolution with a square kernel. */
  record ConvShape(
      int images,
      int height,
      int width,
      int outHeight,
      int outWidth,
      int stride,
      int channels,
      int outputs,
      int yPitch,
      int xPitch) {
    /** From {@code from} to {@code to}. */
    static ConvShape of(Operand from, Operand to, int stride) {
      Shape x = from.shape();
      Shape y = to.shape();
      return new ConvShape(
          x.n(), x.h(), x.w(), y.h(), y.w(), stride, x.c(), y.c(), to.pitch(), from.pitch());
    }
  }

  /** A convolution of any kind. */
  record ConvGeometry(
      int images,
      int height,
      int width,
      int outHeight,
      int outWidth,
      int kernelH,
      int kernelW,
      int stride,
      int padH,
      int padW,
      int groups) {
    /** From {@code x} to {@code y}. */
    static ConvGeometry of(Op.Conv conv, Shape x, Shape y) {
      return new ConvGeometry(
          x.n(),
          x.h(),
          x.w(),
          y.h(),
          y.w(),
          conv.kernelH(),
          conv.kernelW(),
          conv.stride(),
          conv.padH(),
          conv.padW(),
          conv.groups());
    }
  }

  /** The parameters of conv1x1.cu and conv3x3.cu. */
  record Convolution(
      long y,
      long x,
      long w,
      Prologue prologue,
      Epilogue epilogue,
      ConvShape shape,
      long sums,
      long moments,
      int steps,
      int lines,
      int columns) {}
}
