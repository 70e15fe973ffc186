package dev.catena.engine.kernel;

import dev.catena.engine.Operand;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import java.util.List;

/**
 * How the gradient by a convolution's input leaves (gradient.cuh): the addresses and pitches of x,
 * s, t, the means and a, zero for what is not there.
 */
record KernelInputGradient(
    KernelCall call,
    long filters,
    long x,
    long scale,
    long shift,
    long mean,
    long added,
    int rectify,
    int xPitch,
    int addedPitch) {
  private static final int FILTERS = 1;
  private static final int X = 2;
  private static final int SCALE = 3;
  private static final int SHIFT = 4;
  private static final int STATISTICS = 5;

  static KernelInputGradient of(KernelCall call, TrainingOp.ConvDgrad op) {
    boolean through = op.conv().prologue() != Op.Prologue.NONE;
    int last = call.problem().inputs().size() - 1;
    return new KernelInputGradient(
        call,
        call.filters(FILTERS),
        through ? call.binding().input(X) : 0,
        through ? call.vector(SCALE) : 0,
        through ? call.vector(SHIFT) : 0,
        through ? call.binding().input(STATISTICS) : 0,
        op.accumulate() ? call.binding().input(last) : 0,
        op.conv().prologue() == Op.Prologue.SCALE_SHIFT_RELU ? 1 : 0,
        through ? call.problem().input(X).pitch() : 0,
        op.accumulate() ? call.problem().input(last).pitch() : 0);
  }

  /**
   * The first arguments of the kernels.
   *
   * @param sums where the parts' sums go
   */
  List<Object> arguments(long sums) {
    return arguments(filters, sums);
  }

  /** The same with filters that were turned round. */
  List<Object> arguments(long turned, long sums) {
    Operand dx = call.y();
    return List.of(
        call.binding().output(),
        call.binding().input(0),
        turned,
        x,
        scale,
        shift,
        mean,
        added,
        sums,
        rectify,
        dx.shape().c(),
        dx.pitch(),
        xPitch,
        addedPitch);
  }
}
