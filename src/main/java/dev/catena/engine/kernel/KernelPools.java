package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.engine.kernel.KernelParameters.Image;
import dev.catena.engine.kernel.KernelParameters.Prologue;
import dev.catena.engine.kernel.KernelParameters.View;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/** Launches of pool.cu and, where BN-ReLU comes before the pool, scale_shift_pool.cu. */
final class KernelPools {
  private KernelPools() {}

  private record Pool(
      View y,
      View x,
      Prologue prologue,
      int images,
      Image in,
      Image out,
      int kernel,
      int stride,
      int pad,
      int includePad,
      int channels) {}

  private record GlobalAverage(
      View y, View x, Prologue prologue, int images, int area, int channels) {}

  static Launch window(KernelCall call, Op.Pool pool) {
    Shape x = call.x().shape();
    Shape y = call.y().shape();
    var parameters =
        new Pool(
            call.output(),
            call.input(0),
            call.prologue(pool.prologue(), 1),
            x.n(),
            Image.of(x),
            Image.of(y),
            pool.kernel(),
            pool.stride(),
            pool.pad(),
            pool.includePad() ? 1 : 0,
            y.c());
    String kernel = pool.kind() == Op.PoolKind.MAX ? "max_pool" : "average_pool";
    return launch(call, pool.prologue(), kernel, parameters);
  }

  static Launch global(KernelCall call, Op.GlobalAveragePool pool) {
    Shape x = call.x().shape();
    Prologue prologue = call.prologue(pool.prologue(), 1);
    var parameters =
        new GlobalAverage(call.output(), call.input(0), prologue, x.n(), x.h() * x.w(), x.c());
    return launch(call, pool.prologue(), "global_average", parameters);
  }

  private static Launch launch(
      KernelCall call, Op.Prologue prologue, String kernel, Record parameters) {
    boolean plain = prologue == Op.Prologue.NONE;
    return call.overOutput(
        plain ? "pool" : "scale_shift_pool", plain ? kernel : "scale_shift_" + kernel, parameters);
  }
}
