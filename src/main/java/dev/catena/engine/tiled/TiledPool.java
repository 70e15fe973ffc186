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

  private record Pool(
      Image image,
      long y,
      int yPitch,
      int images,
      int outHeight,
      int outWidth,
      int kind,
      Taps high,
      Taps wide,
      boolean includePad,
      int rows) {}

  static Launch prepare(Problem problem, Op.Pool op, Binding binding, Device device) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    int allRows = y.shape().n() * y.shape().h();
    int rows = Math.ceilDiv(allRows, BLOCKS_OF_A_CORE * device.threads());
    var parameters =
        new Pool(
            Image.of(problem, binding, 0, x.shape(), x.shape().c(), op.prologue(), 1, 0, 0),
            binding.output(),
            y.pitch(),
            x.shape().n(),
            y.shape().h(),
            y.shape().w(),
            op.kind() == Op.PoolKind.MAX ? 0 : 1,
            Taps.of(op.rows()),
            Taps.of(op.columns()),
            op.includePad(),
            rows);
    Dim grid = Dim.of(Math.ceilDiv(allRows, rows));
    String kernel = "tiled_pool_" + x.dtype().suffix();
    return TiledCpu.launch(device, "tiled_pool", kernel, grid, 0, parameters);
  }
}
