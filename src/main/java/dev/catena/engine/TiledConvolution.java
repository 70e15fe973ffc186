package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.graph.DType;
import dev.catena.graph.Op;

/** {@code native/host/tiled_convolution.cpp}: any convolution, from and into channel views. */
final class TiledConvolution {
  /** Images of fewer channels are packed without gaps; a tap is then a whole kernel row. */
  private static final int FEW_CHANNELS = 8;

  /** The kernel keeps a table of so many taps. */
  static final int MOST_TAPS = 256;

  private TiledConvolution() {}

  static Launch prepare(Problem problem, Op.Conv op, Binding binding, Device device) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    DType dtype = x.dtype();
    int channels = x.shape().c() / op.groups();
    int outputs = y.shape().c() / op.groups();
    int height = y.shape().h();
    int area = op.kernelH() * op.kernelW();
    boolean pairs = TiledCpu.pairs(dtype, device);
    boolean prologue = op.prologue() != Op.Prologue.NONE;
    int merged = merged(channels, op.stride(), pairs);

    int rows = Math.ceilDiv(height, TiledCpu.blocks(x.shape().n(), height, device));
    int padded = x.shape().w() + 2 * op.padW();
    int line =
        merged > 0
            ? padded * merged / (pairs ? 2 : 1) + 16
            : padded * TiledCpu.rowWords(channels, pairs);
    int linesThatFit = TiledCpu.STRIP_WORDS / line;
    int strip = Math.clamp((linesThatFit - op.kernelH()) / op.stride() + 1, 1, rows);
    long lines = (strip - 1L) * op.stride() + op.kernelH();
    long words = TiledCpu.ROWS * TiledFilters.PANEL + lines * line + 16;

    return device
        .module("tiled_convolution")
        .kernel("tiled_convolution_" + dtype.suffix())
        .prepare(
            Dim.of(x.shape().n() * Math.ceilDiv(height, rows), op.groups()),
            Dim.of(1),
            Math.toIntExact(words * Float.BYTES),
            binding.input(0),
            binding.output(),
            prologue ? TiledFilters.uploadVector(binding, 2, x.shape().c()) : 0L,
            prologue ? TiledFilters.uploadVector(binding, 3, x.shape().c()) : 0L,
            merged > 0
                ? uploadMerged(binding, op, outputs, channels, merged, pairs, dtype)
                : new TiledFilters(
                        outputs, op.groups(), area, TiledFilters.depth(channels), pairs, dtype)
                    .upload(
                        binding,
                        1,
                        "filters",
                        channels,
                        (w, k, t, c) -> w[(k * channels + c) * area + t]),
            op.bias() ? TiledFilters.uploadVector(binding, op.biasIndex(), y.shape().c()) : 0L,
            x.shape().h(),
            x.shape().w(),
            height,
            y.shape().w(),
            x.pitch(),
            y.pitch(),
            channels,
            outputs,
            op.kernelH(),
            op.kernelW(),
            op.stride(),
            op.padH(),
            op.padW(),
            op.prologue().ordinal(),
            op.relu() ? 1 : 0,
            merged,
            rows,
            strip,
            pairs ? 1 : 0);
  }

  /** Elements of a packed pixel of few channels, 0 for others: steps must be whole words. */
  private static int merged(int channels, int stride, boolean pairs) {
    if (channels >= FEW_CHANNELS) {
      return 0;
    }
    return pairs && channels * stride % 2 != 0 ? channels + 1 : channels;
  }

  private static long uploadMerged(
      Binding binding,
      Op.Conv op,
      int outputs,
      int channels,
      int merged,
      boolean pairs,
      DType dtype) {
    int row = op.kernelW() * merged;
    int area = op.kernelH() * op.kernelW();
    var filters =
        new TiledFilters(
            outputs, op.groups(), op.kernelH(), Math.ceilDiv(row, 2) * 2, pairs, dtype);
    return filters.upload(
        binding,
        1,
        "rows of " + merged,
        row,
        (w, k, t, i) ->
            i % merged < channels
                ? w[(k * channels + i % merged) * area + t * op.kernelW() + i / merged]
                : 0);
  }
}
