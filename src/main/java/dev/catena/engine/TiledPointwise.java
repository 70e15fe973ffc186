package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.graph.DType;
import dev.catena.graph.Op;

/** {@code native/host/tiled_pointwise.cpp}: 1x1 convolutions and matrix products. */
final class TiledPointwise {
  private static final int TILES_OF_A_BLOCK = 16;

  private TiledPointwise() {}

  static Launch prepare(Problem problem, Op.Conv op, Binding binding, Device device) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    DType dtype = x.dtype();
    int channels = x.shape().c();
    int outputs = y.shape().c();
    boolean pairs = TiledCpu.pairs(dtype, device);
    boolean prologue = op.prologue() != Op.Prologue.NONE;

    int count = Math.multiplyExact(x.shape().n(), x.shape().h() * x.shape().w());
    int allPanels = Math.ceilDiv(outputs, TiledFilters.PANEL);
    int threads = device.threads();
    int tiles = Math.ceilDiv(count, TiledCpu.ROWS);
    // Few pixels (a classifier): cores share the filters instead.
    boolean splitPixels = tiles >= threads || tiles >= allPanels;
    int ranges = splitPixels ? threads * Math.clamp(tiles / threads / TILES_OF_A_BLOCK, 1, 8) : 1;
    int pixels = Math.ceilDiv(count, ranges);
    int panels = splitPixels ? allPanels : Math.ceilDiv(allPanels, threads);

    int row = TiledCpu.rowWords(channels, pairs);
    int strip = Math.max(1, TiledCpu.STRIP_WORDS / row / TiledCpu.ROWS) * TiledCpu.ROWS;
    long words = (long) strip * row + TiledCpu.ROWS * TiledFilters.PANEL;

    var w = new TiledFilters(outputs, 1, 1, TiledFilters.depth(channels), pairs, dtype);
    return device
        .module("tiled_pointwise")
        .kernel("tiled_pointwise_" + dtype.suffix())
        .prepare(
            Dim.of(Math.ceilDiv(count, pixels), Math.ceilDiv(allPanels, panels)),
            Dim.of(1),
            Math.toIntExact(words * Float.BYTES),
            binding.input(0),
            binding.output(),
            prologue ? TiledFilters.uploadVector(binding, 2, channels) : 0L,
            prologue ? TiledFilters.uploadVector(binding, 3, channels) : 0L,
            w.upload(binding, 1, "1x1", channels, (f, k, t, c) -> f[k * channels + c]),
            op.bias() ? TiledFilters.uploadVector(binding, op.biasIndex(), outputs) : 0L,
            count,
            x.pitch(),
            y.pitch(),
            channels,
            outputs,
            op.prologue().ordinal(),
            op.relu() ? 1 : 0,
            pixels,
            panels,
            strip,
            pairs ? 1 : 0);
  }
}
