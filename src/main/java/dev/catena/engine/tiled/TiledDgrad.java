package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.tiled.TiledParameters.ConvolutionShape;
import dev.catena.engine.tiled.TiledParameters.Image;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * {@code native/host/tiled_dgrad.cpp}: the gradient of a convolution by its input, through its
 * prologue.
 */
final class TiledDgrad {
  /** Pixels of a row, where rows mean nothing and may be joined. */
  private static final int MOST_PIXELS = 112;

  /** Blocks that a batch is cut into at least: whatever the threads, for the sums' last bits. */
  private static final int LEAST_BLOCKS = 32;

  private TiledDgrad() {}

  static Optional<String> unsupported(Problem problem, TrainingOp.ConvDgrad op) {
    Op.Conv conv = op.conv();
    if (conv.stride() != 1) {
      return Optional.of("gradient by the input of a convolution of stride " + conv.stride());
    }
    if (conv.padH() >= conv.kernelH() || conv.padW() >= conv.kernelW()) {
      return Optional.of("padding as wide as the kernel");
    }
    if (conv.kernelH() * conv.kernelW() > TiledConvolution.MOST_TAPS) {
      return Optional.of("a kernel of more than " + TiledConvolution.MOST_TAPS + " positions");
    }
    return Optional.empty();
  }

  /** The filters' panels, then each block's partial sums. */
  static long workspace(Problem problem, TrainingOp.ConvDgrad op, TiledForm form) {
    long sums = problem.outputs().size() == 1 ? 0 : 2L * blocks(problem, op) * pitch(problem);
    return filters(problem, op.conv(), form).bytes() + sums * Float.BYTES;
  }

  private static TiledFilters filters(Problem problem, Op.Conv conv, TiledForm given) {
    TiledForm form = form(problem, conv, given);
    int groups = conv.groups();
    int depth = form.depth(problem.input(0).shape().c() / groups);
    boolean winograd = form == TiledForm.WINOGRAD;
    int taps = winograd ? TiledWinograd.POSITIONS : conv.kernelH() * conv.kernelW();
    int outputs = problem.output().shape().c() / groups;
    return new TiledFilters(outputs, groups, taps, depth, form.pairs(), problem.input(0).dtype());
  }

  /** Winograd's where it suits what is not multiplied in pairs. */
  private static TiledForm form(Problem problem, Op.Conv conv, TiledForm given) {
    Shape to = problem.output().shape();
    int channels = problem.input(0).shape().c() / conv.groups();
    return !given.pairs() && TiledWinograd.suitsTrained(conv, channels, to.c() / conv.groups(), to)
        ? TiledForm.WINOGRAD
        : given;
  }

  private static int pitch(Problem problem) {
    return Math.ceilDiv(problem.output().shape().c(), TiledFilters.PANEL) * TiledFilters.PANEL;
  }

  /** Rows of an image that a block takes. */
  private static int rows(Shape image) {
    int blocks = Math.clamp(Math.ceilDiv(LEAST_BLOCKS, image.n()), 1, image.h());
    // Even, for windows of two rows.
    return Math.ceilDiv(Math.ceilDiv(image.h(), blocks), 2) * 2;
  }

  private static int blocks(Problem problem, TrainingOp.ConvDgrad op) {
    Shape image = image(problem.output().shape(), op.conv());
    return image.n() * Math.ceilDiv(image.h(), rows(image));
  }

  /** The image as it is cut into rows: a pointwise convolution may join them. */
  static Shape image(Shape x, Op.Conv conv) {
    if (!conv.pointwise()) {
      return x;
    }
    int joined = 1;
    for (int rows = 2; rows <= x.h() && rows * x.w() <= MOST_PIXELS; rows++) {
      joined = x.h() % rows == 0 ? rows : joined;
    }
    return Shape.nhwc(x.n(), x.h() / joined, x.w() * joined, x.c());
  }

  static List<Launch> prepare(
      Problem problem, TrainingOp.ConvDgrad op, TiledForm given, Binding binding, Device device) {
    Op.Conv conv = op.conv();
    Operand g = problem.input(0);
    Operand dx = problem.output();
    DType dtype = g.dtype();
    boolean prologue = conv.prologue() != Op.Prologue.NONE;
    int last = problem.inputs().size() - 1;
    Shape to = image(dx.shape(), conv);
    Shape from = image(g.shape(), conv);
    int channels = g.shape().c() / conv.groups();
    int padH = conv.kernelH() - 1 - conv.padH();
    int padW = conv.kernelW() - 1 - conv.padW();

    TiledFilters filters = filters(problem, conv, given);
    long partial = binding.workspace() + filters.bytes();
    TiledForm form = form(problem, conv, given);
    boolean winograd = form == TiledForm.WINOGRAD;
    int unit = winograd ? 2 : 1;
    int rows = rows(to);
    int pixel = TiledCpu.pixelWords(channels, form.pairs());
    int line = (from.w() + 2 * padW) * pixel;
    int strip = Math.clamp(TiledCpu.STRIP_WORDS / line - conv.kernelH() + 1, unit, rows) & -unit;
    long lines = strip + conv.kernelH() - 1L;
    // The last window of an odd row reads a pixel further.
    int beyond = (1 + form.rowsBeyond()) * pixel;
    long words = TiledWinograd.frontWords(form, channels) + lines * line + beyond;

    List<Launch> launches = new ArrayList<>();
    var steps = TiledFilters.Steps.backward(problem.input(1), channels);
    long w = binding.input(1);
    launches.add(
        winograd
            ? filters.packWinograd(device, w, binding.workspace(), steps, channels)
            : filters.pack(device, w, binding.workspace(), steps, channels));
    var parameters =
        TiledParameters.of(problem)
            .set("g", Image.plain(problem, binding, 0, from, channels, padW))
            .set("w", binding.workspace())
            .set("through.dx", binding.output())
            .set("through.x", prologue ? binding.input(2) : 0)
            .set("through.a", op.accumulate() ? binding.input(last) : 0)
            .set("through.scale", prologue ? binding.input(3) : 0)
            .set("through.shift", prologue ? binding.input(4) : 0)
            .set("through.mean", prologue ? binding.input(5) : 0)
            .set("through.sum", 0L)
            .set("through.moment", 0L)
            .set("through.pitch", dx.pitch())
            .set("through.xPitch", prologue ? problem.input(2).pitch() : 0)
            .set("through.aPitch", op.accumulate() ? problem.input(last).pitch() : 0)
            .set("through.rectified", conv.prologue() == Op.Prologue.SCALE_SHIFT_RELU)
            .set("through.outputs", to.c() / conv.groups())
            .set("partial", partial)
            .set("shape", ConvolutionShape.of(conv, from, to, padH, padW, 0, rows, strip))
            .set("partialPitch", pitch(problem))
            .set("form", form.ordinal());
    int blocks = blocks(problem, op);
    Dim grid = Dim.of(blocks, conv.groups());
    String kernel = "tiled_dgrad_" + dtype.suffix();
    launches.add(TiledCpu.launch(device, "tiled_dgrad", kernel, grid, words, parameters));
    if (prologue) {
      int outPitch = problem.output(1).pitch();
      var sums =
          TiledParameters.of(problem)
              .set("partial", partial)
              .set("out", binding.output(1))
              .set("blocks", blocks)
              .set("channels", to.c())
              .set("partialPitch", pitch(problem))
              .set("outPitch", outPitch);
      launches.add(TiledCpu.launch(device, "tiled_dgrad", "tiled_dgrad_sums", Dim.of(2), 0, sums));
    }
    return launches;
  }
}
