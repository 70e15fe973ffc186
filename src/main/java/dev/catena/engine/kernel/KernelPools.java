package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.List;

/** Launches of pool.cu and, where BN-ReLU comes before the pool, scale_shift_pool.cu. */
final class KernelPools {
  private KernelPools() {}

  static Launch window(KernelCall call, Op.Pool pool) {
    Shape x = call.x().shape();
    Shape y = call.y().shape();
    List<Object> args = start(call, pool.prologue());
    args.addAll(List.of(x.n(), x.h(), x.w(), y.h(), y.w()));
    args.addAll(List.of(pool.kernel(), pool.stride(), pool.pad()));
    if (pool.kind() == Op.PoolKind.AVERAGE) {
      args.add(pool.includePad() ? 1 : 0);
    }
    String kernel = pool.kind() == Op.PoolKind.MAX ? "max_pool" : "average_pool";
    return finish(call, pool.prologue(), kernel, args);
  }

  static Launch global(KernelCall call, Op.GlobalAveragePool pool) {
    Shape x = call.x().shape();
    List<Object> args = start(call, pool.prologue());
    args.addAll(List.of(x.n(), x.h() * x.w()));
    return finish(call, pool.prologue(), "global_average", args);
  }

  private static List<Object> start(KernelCall call, Op.Prologue prologue) {
    List<Object> args = new ArrayList<>(List.of(call.binding().output(), call.binding().input(0)));
    if (prologue != Op.Prologue.NONE) {
      args.addAll(List.of(call.vector(1), call.vector(2)));
      args.add(prologue == Op.Prologue.SCALE_SHIFT_RELU ? 1 : 0);
    }
    return args;
  }

  private static Launch finish(
      KernelCall call, Op.Prologue prologue, String kernel, List<Object> args) {
    boolean plain = prologue == Op.Prologue.NONE;
    Shape y = call.y().shape();
    args.addAll(List.of(y.c(), call.y().pitch(), call.x().pitch()));
    return call.elementwise(
        plain ? "pool" : "scale_shift_pool",
        plain ? kernel : "scale_shift_" + kernel,
        call.x(),
        y.pixels(),
        y.c(),
        args.toArray());
  }
}
