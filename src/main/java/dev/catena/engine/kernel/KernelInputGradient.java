package dev.catena.engine.kernel;

import dev.catena.engine.kernel.KernelParameters.Prologue;
import dev.catena.engine.kernel.KernelParameters.View;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;

/** How the gradient by a convolution's input leaves: {@code InputGradient} of gradient.cuh. */
record KernelInputGradient(View dx, View x, View a, Prologue prologue, long mean, int channels) {
  private static final int X = 2;
  private static final int SCALE = 3;
  private static final int STATISTICS = 5;

  static KernelInputGradient of(KernelCall call, TrainingOp.ConvDgrad op) {
    Op.Prologue prologue = op.conv().prologue();
    boolean through = prologue != Op.Prologue.NONE;
    return new KernelInputGradient(
        call.output(),
        call.input(X, through),
        call.input(call.problem().inputs().size() - 1, op.accumulate()),
        call.prologue(prologue, SCALE),
        through ? call.binding().input(STATISTICS) : 0,
        call.y().shape().c());
  }
}
