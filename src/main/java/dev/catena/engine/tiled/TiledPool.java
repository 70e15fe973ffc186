package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.tiled.TiledParameters.Image;
import dev.catena.graph.Op;

/** {@code native/host/tiled_pool.cpp}: pools, from and into channel views. */
final class TiledPool {
  private static final int BLOCKS_OF_A_CORE = 8;

  private TiledPool() {}

  private record Taps(int kernel, int stride, int pad, int end, int dilation) {
    static Taps of(Op.Window w) {
      return new Taps(w.kernel(), w.stride(), w.pad(), w.end(), w.dilation());
    }
  }

  static Launch prepare(Problem problem, Op.Pool op, Binding binding, Device device) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    int allRows = y.shape().n() * y.shape().h();
    int rows = Math.ceilDiv(allRows, BLOCKS_OF_A_CORE * device.threads());
    var parameters =
        TiledParameters.of(problem)
            .set(
                "image",
                Image.of(problem, binding, 0, x.shape(), x.shape().c(), op.prologue(), 1, 0, 0))
            .set("y", binding.output())
            .set("yPitch", y.pitch())
            .set("images", x.shape().n())
            .set("outHeight", y.shape().h())
            .set("outWidth", y.shape().w())
            .set("kind", op.kind() == Op.PoolKind.MAX ? 0 : 1)
            .set("high", Taps.of(op.rows()))
            .set("wide", Taps.of(op.columns()))
            .set("includePad", op.includePad())
            .set("rows", rows);
    Dim grid = Dim.of(Math.ceilDiv(allRows, rows));
    String kernel = "tiled_pool_" + x.dtype().suffix();
    return TiledCpu.launch(device, "tiled_pool", kernel, grid, 0, parameters);
  }
}
