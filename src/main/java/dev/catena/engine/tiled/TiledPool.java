package dev.catena.engine.tiled;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Op;

/** {@code native/host/tiled_pool.cpp}: pools, from and into channel views. */
final class TiledPool {
  private static final int BLOCKS_OF_A_CORE = 8;

  private TiledPool() {}

  static Launch prepare(Problem problem, Op.Pool op, Binding binding, Device device) {
    Operand x = problem.input(0);
    Operand y = problem.output();
    boolean prologue = op.prologue() != Op.Prologue.NONE;
    int allRows = y.shape().n() * y.shape().h();
    int rows = Math.ceilDiv(allRows, BLOCKS_OF_A_CORE * device.threads());
    return device
        .module("tiled_pool")
        .kernel("tiled_pool_" + x.dtype().suffix())
        .prepare(
            Dim.of(Math.ceilDiv(allRows, rows)),
            Dim.of(1),
            0,
            binding.input(0),
            binding.output(),
            prologue ? TiledFilters.vector(problem, binding, 1) : 0L,
            prologue ? TiledFilters.vector(problem, binding, 2) : 0L,
            x.shape().n(),
            x.shape().h(),
            x.shape().w(),
            y.shape().h(),
            y.shape().w(),
            x.pitch(),
            y.pitch(),
            x.shape().c(),
            op.kind() == Op.PoolKind.MAX ? 0 : 1,
            op.kernel(),
            op.stride(),
            op.pad(),
            op.includePad() ? 1 : 0,
            op.prologue().ordinal(),
            rows);
  }
}
