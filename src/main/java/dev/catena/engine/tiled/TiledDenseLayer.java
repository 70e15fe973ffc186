package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.tiled.TiledParameters.Image;
import dev.catena.graph.DType;
import dev.catena.graph.Op;

/** {@code native/host/tiled_dense_layer.cpp}: both convolutions of a layer in one pass. */
final class TiledDenseLayer {
  private TiledDenseLayer() {}

  static Launch prepare(Problem problem, TiledForm given, Binding binding, Device device) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    DType dtype = x.dtype();
    int channels = x.shape().c();
    int growth = y.shape().c();
    int mid = problem.input(3).shape().n();
    int height = x.shape().h();
    int width = x.shape().w();
    boolean pairs = given.pairs();
    TiledForm form = !pairs && height > 2 && width > 2 ? TiledForm.WINOGRAD : given;

    int blocks = TiledCpu.blocks(x.shape().n(), height, device);
    // Even, so that windows, and with them the last bits, lie the same however rows are shared.
    int rows = Math.ceilDiv(Math.ceilDiv(height, blocks), 2) * 2;
    int line = (width + 3) * TiledCpu.rowWords(mid, pairs);
    int strip = Math.clamp(TiledCpu.STRIP_WORDS / line - 3, 2, rows) & -2;
    int beyond = form.rowsBeyond() * TiledCpu.rowWords(mid, pairs);
    long words = front(form, channels, mid) + (strip + 3L) * line + beyond;

    var w1 = new TiledFilters(mid, 1, 1, form.depth(channels), pairs, dtype);
    Op.Prologue prologue = Op.Prologue.SCALE_SHIFT_RELU;
    var parameters =
        TiledParameters.of(problem)
            .set("image", Image.of(problem, binding, 0, x.shape(), channels, prologue, 1, 0, 0))
            .set("y", binding.output())
            .set("w1", w1.upload(binding, 3, "1x1", channels, (w, k, t, c) -> w[k * channels + c]))
            .set("bias", TiledFilters.uploadVector(binding, 4, mid))
            .set("w2", uploadW2(binding, form, growth, mid, dtype))
            .set("yPitch", y.pitch())
            .set("mid", mid)
            .set("growth", growth)
            .set("rows", rows)
            .set("strip", strip)
            .set("form", form.ordinal());
    Dim grid = Dim.of(x.shape().n() * Math.ceilDiv(height, rows));
    String kernel = "tiled_dense_layer_" + dtype.suffix();
    return TiledCpu.launch(device, "tiled_dense_layer", kernel, grid, words, parameters);
  }

  /** Words for packed rows, windows and products, before the bottleneck. */
  private static long front(TiledForm form, int channels, int mid) {
    int tiles = form == TiledForm.WINOGRAD ? 16 : 1;
    int rows = TiledCpu.rowWords(channels, form.pairs());
    int windows = form == TiledForm.WINOGRAD ? 16 * TiledCpu.rowWords(mid, false) : 0;
    return (long) form.rows() * (tiles * TiledFilters.PANEL + Math.max(rows, windows));
  }

  private static long uploadW2(Binding binding, TiledForm form, int growth, int mid, DType dtype) {
    int depth = form.depth(mid);
    if (form == TiledForm.WINOGRAD) {
      var filters = new TiledFilters(growth, 1, 16, depth, false, DType.FP32);
      return filters.upload(
          binding,
          5,
          "Winograd of " + dtype,
          mid,
          (w, k, t, c) -> TiledWinograd.value(w, (k * mid + c) * 9, t, dtype));
    }
    var filters = new TiledFilters(growth, 1, 9, depth, form.pairs(), dtype);
    return filters.upload(binding, 5, "3x3", mid, (w, k, t, c) -> w[(k * mid + c) * 9 + t]);
  }
}
