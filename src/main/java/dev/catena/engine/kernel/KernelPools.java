package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Launch;
import dev.catena.engine.kernel.KernelParameters.Image;
import dev.catena.engine.kernel.KernelParameters.Taps;
import dev.catena.graph.Op;

/** Launches of pool.cu and, where BN-ReLU comes before the pool, scale_shift_pool.cu. */
final class KernelPools {
  private KernelPools() {}

  static Launch window(KernelCall call, Op.Pool pool) {
    var parameters =
        call.arguments(call.y())
            .set("in", Image.of(call.x().shape()))
            .set("out", Image.of(call.y().shape()))
            .set("high", Taps.of(pool.rows()))
            .set("wide", Taps.of(pool.columns()));
    String kernel = pool.kind() == Op.PoolKind.MAX ? "max_pool" : "average_pool";
    return launch(call, pool.prologue(), kernel, parameters);
  }

  static Launch global(KernelCall call, Op.GlobalAveragePool pool) {
    return launch(call, pool.prologue(), "global_average", call.arguments(call.x()));
  }

  private static Launch launch(
      KernelCall call, Op.Prologue prologue, String kernel, Arguments parameters) {
    return prologue == Op.Prologue.NONE
        ? call.over(call.y(), "pool", kernel, parameters)
        : call.over(call.y(), "scale_shift_pool", "scale_shift_" + kernel, parameters);
  }
}
