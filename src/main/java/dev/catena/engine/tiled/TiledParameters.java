package dev.catena.engine.tiled;

import dev.catena.device.Arguments;
import dev.catena.engine.Binding;
import dev.catena.engine.Problem;
import dev.catena.graph.Fields;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/** Structs within the parameters of several kernels of {@code native/host}, field by field. */
final class TiledParameters {
  private TiledParameters() {}

  /** Parameters of which fields of the operation have their names already. */
  static Arguments of(Problem problem) {
    Op op = problem.op();
    return Arguments.of(
        op.toString(), path -> Fields.number(op, path.substring(path.lastIndexOf('.') + 1)));
  }

  /** An image in a channel view, and what is applied to it while loading (strip.h). */
  record Image(
      long at,
      int height,
      int width,
      int pitch,
      int channels,
      int padW,
      int prologue,
      long scale,
      long shift,
      int merged) {
    /** Input {@code index}, as it is, as an image of {@code shape}. */
    static Image plain(
        Problem problem, Binding binding, int index, Shape shape, int channels, int padW) {
      return of(problem, binding, index, shape, channels, Op.Prologue.NONE, 0, padW, 0);
    }

    /**
     * Input {@code index} through a prologue.
     *
     * @param channels of one group
     * @param first input of the prologue
     */
    static Image of(
        Problem problem,
        Binding binding,
        int index,
        Shape shape,
        int channels,
        Op.Prologue prologue,
        int first,
        int padW,
        int merged) {
      boolean affine = prologue != Op.Prologue.NONE;
      return new Image(
          binding.input(index),
          shape.h(),
          shape.w(),
          problem.input(index).pitch(),
          channels,
          padW,
          prologue.ordinal(),
          affine ? TiledFilters.vector(problem, binding, first) : 0,
          affine ? TiledFilters.vector(problem, binding, first + 1) : 0,
          merged);
    }
  }

  /** The destination of a convolution's sums (panel.h). */
  record Output(long y, long bias, long residual, int pitch, int residualPitch, boolean rectified) {
    static Output of(Problem problem, Binding binding, Op.Conv conv) {
      return new Output(
          binding.output(),
          conv.bias() ? TiledFilters.vector(problem, binding, conv.biasIndex()) : 0,
          conv.residual() ? binding.input(conv.residualIndex()) : 0,
          problem.output().pitch(),
          conv.residual() ? problem.input(conv.residualIndex()).pitch() : 0,
          conv.relu());
    }
  }

  /** A convolution of one group, but for its kernel and stride (strip.h). */
  record ConvolutionShape(
      int height,
      int width,
      int outHeight,
      int outWidth,
      int channels,
      int outputs,
      int padH,
      int padW,
      int merged,
      int rows,
      int strip) {
    /** The convolution of {@code from} to {@code to}, in blocks of {@code rows}. */
    static ConvolutionShape of(
        Op.Conv conv, Shape from, Shape to, int padH, int padW, int merged, int rows, int strip) {
      return new ConvolutionShape(
          from.h(),
          from.w(),
          to.h(),
          to.w(),
          from.c() / conv.groups(),
          to.c() / conv.groups(),
          padH,
          padW,
          merged,
          rows,
          strip);
    }
  }
}
