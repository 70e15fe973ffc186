package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.tiled.TiledParameters.ConvolutionShape;
import dev.catena.engine.tiled.TiledParameters.Image;
import dev.catena.engine.tiled.TiledParameters.Output;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.List;

/** {@code native/host/tiled_convolution.cpp}: any convolution, from and into channel views. */
final class TiledConvolution {
  /** Images of fewer channels are packed without gaps; a tap is then a whole kernel row. */
  static final int FEW_CHANNELS = 8;

  /** The kernel keeps a table of so many taps. */
  static final int MOST_TAPS = 256;

  /** Pixels of an image that cores share by their output channels. */
  private static final int MOST_PIXELS = 1024;

  private TiledConvolution() {}

  /** The filters' panels, if they are trained. */
  static long workspace(Problem problem, Op.Conv op, TiledForm form) {
    return TiledFilters.trained(problem) ? filters(problem, op, form).bytes() : 0;
  }

  static List<Launch> prepare(
      Problem problem, Op.Conv op, TiledForm form, Binding binding, Device device) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    DType dtype = x.dtype();
    int channels = x.shape().c() / op.groups();
    int outputs = y.shape().c() / op.groups();
    int height = y.shape().h();
    boolean pairs = form.pairs();
    int merged = merged(channels, op.stride(), pairs);

    boolean winograd = winograd(problem, op, form);
    int unit = winograd ? 2 : 1;

    int panels = panelsOfBlock(problem, outputs, device);
    boolean allPanels = panels == Math.ceilDiv(outputs, TiledFilters.PANEL);
    // A window's outputs depend on where windows begin: not on how rows are shared.
    int blocks = allPanels ? TiledCpu.blocks(x.shape().n(), height, device) : 1;
    int rows = Math.ceilDiv(Math.ceilDiv(height, blocks), unit) * unit;
    int padded = x.shape().w() + 2 * op.padW();
    int line =
        merged > 0
            ? padded * merged / (pairs ? 2 : 1) + 16
            : padded * TiledCpu.pixelWords(channels, pairs);
    int linesThatFit = TiledCpu.STRIP_WORDS / line;
    int strip = Math.clamp((linesThatFit - op.kernelH()) / op.stride() + 1, unit, rows) & -unit;
    long lines = (strip - 1L) * op.stride() + op.kernelH();
    // The last window of an odd row reads a pixel further.
    int beyond = (1 + form.rowsBeyond() * op.stride()) * TiledCpu.pixelWords(channels, pairs);
    TiledForm taken = winograd ? TiledForm.WINOGRAD : form;
    long words = TiledWinograd.frontWords(taken, channels) + lines * line + beyond;

    List<Launch> launches = new ArrayList<>();
    long filters = filters(problem, op, form, binding, device, launches);
    var parameters =
        TiledParameters.of(problem)
            .set(
                "image",
                Image.of(
                    problem, binding, 0, x.shape(), channels, op.prologue(), 2, op.padW(), merged))
            .set("w", filters)
            .set("output", Output.of(problem, binding, op))
            .set(
                "shape",
                ConvolutionShape.of(
                    op, x.shape(), y.shape(), op.padH(), op.padW(), merged, rows, strip))
            .set("form", taken.ordinal())
            .set("panels", panels);
    Dim grid =
        Dim.of(
            x.shape().n() * Math.ceilDiv(height, rows),
            op.groups(),
            Math.ceilDiv(Math.ceilDiv(outputs, TiledFilters.PANEL), panels));
    String kernel = "tiled_convolution_" + dtype.suffix();
    launches.add(TiledCpu.launch(device, "tiled_convolution", kernel, grid, words, parameters));
    return launches;
  }

  /** Elements of a packed pixel of few channels, 0 for others: steps must be whole words. */
  static int merged(int channels, int stride, boolean pairs) {
    if (channels >= FEW_CHANNELS) {
      return 0;
    }
    return pairs && channels * stride % 2 != 0 ? channels + 1 : channels;
  }

  /**
   * Panels of filters that a block takes: all, unless cores that cannot share the images evenly
   * share the filters of a small one. Each then reads only its own.
   */
  private static int panelsOfBlock(Problem problem, int outputs, Device device) {
    Shape to = problem.output().shape();
    int panels = Math.ceilDiv(outputs, TiledFilters.PANEL);
    int threads = device.threads();
    boolean even = to.n() % threads == 0;
    boolean few = panels % threads != 0 && panels < 4 * threads;
    return even || few || to.h() * to.w() > MOST_PIXELS ? panels : Math.ceilDiv(panels, threads);
  }

  private static boolean winograd(Problem problem, Op.Conv op, TiledForm form) {
    Shape to = problem.output().shape();
    int channels = problem.input(0).shape().c() / op.groups();
    if (form.pairs()) {
      return false;
    }
    return TiledFilters.trained(problem)
        ? TiledWinograd.suitsTrained(op, channels, to.c() / op.groups(), to)
        : TiledWinograd.suits(op, channels, to);
  }

  private static TiledFilters filters(Problem problem, Op.Conv op, TiledForm form) {
    DType dtype = problem.input(0).dtype();
    boolean pairs = form.pairs();
    int outputs = problem.output().shape().c() / op.groups();
    int channels = problem.input(0).shape().c() / op.groups();
    int merged = merged(channels, op.stride(), pairs);
    int area = merged > 0 ? op.kernelH() : op.kernelH() * op.kernelW();
    int taps = winograd(problem, op, form) ? TiledWinograd.POSITIONS : area;
    int depth = merged > 0 ? Math.ceilDiv(op.kernelW() * merged, 2) * 2 : form.depth(channels);
    return new TiledFilters(outputs, op.groups(), taps, depth, pairs, dtype);
  }

  /** Address of the filters' panels, which a launch before packs if they are trained. */
  private static long filters(
      Problem problem,
      Op.Conv op,
      TiledForm form,
      Binding binding,
      Device device,
      List<Launch> before) {
    TiledFilters filters = filters(problem, op, form);
    int area = op.kernelH() * op.kernelW();
    int channels = problem.input(0).shape().c() / op.groups();
    int merged = merged(channels, op.stride(), filters.pairs());
    int row = merged > 0 ? op.kernelW() * merged : channels;
    if (TiledFilters.trained(problem)) {
      var steps = TiledFilters.Steps.forward(problem.input(1), filters.outputs());
      long w = binding.input(1);
      long target = binding.workspace();
      if (winograd(problem, op, form)) {
        before.add(filters.packWinograd(device, w, target, steps, row));
      } else {
        var from = merged > 0 ? steps.rows(op.kernelW(), merged) : steps;
        before.add(filters.pack(device, w, target, from, row));
      }
      return target;
    }
    if (winograd(problem, op, form)) {
      var floats =
          new TiledFilters(
              filters.outputs(), op.groups(), filters.taps(), filters.depth(), false, DType.FP32);
      return floats.upload(
          binding,
          1,
          "Winograd of " + filters.dtype(),
          channels,
          (w, k, t, c) -> TiledWinograd.value(w, (k * channels + c) * 9, t, filters.dtype()));
    }
    return merged > 0
        ? filters.upload(
            binding,
            1,
            "rows of " + merged,
            row,
            (w, k, t, i) ->
                i % merged < channels
                    ? w[(k * channels + i % merged) * area + t * op.kernelW() + i / merged]
                    : 0)
        : filters.upload(
            binding, 1, "filters", channels, (w, k, t, c) -> w[(k * channels + c) * area + t]);
  }
}
