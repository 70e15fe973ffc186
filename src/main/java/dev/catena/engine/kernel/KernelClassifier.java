package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.List;

/** Launches of cross_entropy.cu and linear_backward.cu. */
final class KernelClassifier {
  private static final int WARP = 32;
  private static final int WARPS = 4;

  /** Rows of its result that a thread of linear_backward.cu makes. */
  private static final int ROWS = 4;

  private KernelClassifier() {}

  /** The rows' losses, in the workspace, and their mean. */
  static List<Launch> loss(KernelCall call, TrainingOp.SoftmaxCrossEntropy op, boolean warps) {
    Shape logits = call.x().shape();
    Launch losses =
        rows(
            call,
            "cross_entropy",
            warps,
            call.binding().workspace(),
            call.binding().input(0),
            call.binding().input(1),
            op.smoothing(),
            logits.n(),
            logits.c(),
            call.x().pitch());
    Launch mean =
        call.launch(
            "cross_entropy",
            "cross_entropy_mean",
            call.y(),
            Dim.of(1),
            Dim.of(1),
            call.binding().output(),
            call.binding().workspace(),
            op.weight(),
            logits.n());
    return List.of(losses, mean);
  }

  static long lossWorkspace(Problem problem) {
    return (long) problem.input(0).shape().n() * Float.BYTES;
  }

  static Launch lossBackward(
      KernelCall call, TrainingOp.SoftmaxCrossEntropyBackward op, boolean warps) {
    Shape logits = call.x().shape();
    return rows(
        call,
        "cross_entropy_backward",
        warps,
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        call.binding().input(2),
        op.smoothing(),
        op.weight(),
        logits.n(),
        logits.c(),
        call.y().pitch(),
        call.x().pitch());
  }

  /** A warp for each row, or, without barriers, a thread. */
  private static Launch rows(KernelCall call, String kernel, boolean warps, Object... args) {
    int rows = call.x().shape().n();
    return warps
        ? call.launch(
            "cross_entropy",
            kernel,
            call.x(),
            Dim.of(Dim.blocks(rows, WARPS)),
            Dim.of(WARP, WARPS),
            args)
        : call.launch("cross_entropy", kernel + "_rows", call.x(), Dim.of(rows), Dim.of(1), args);
  }

  static Launch dgrad(KernelCall call, boolean accumulate) {
    Shape y = call.y().shape();
    return call.elementwise(
        "linear_backward",
        "linear_dgrad",
        call.x(),
        Math.ceilDiv(y.n(), ROWS),
        y.c(),
        call.binding().output(),
        call.binding().input(0),
        call.filters(1),
        accumulate ? call.binding().input(2) : 0L,
        y.n(),
        call.x().shape().c(),
        y.c(),
        call.y().pitch(),
        call.x().pitch(),
        Operand.packedPitch(y.c()),
        accumulate ? call.problem().input(2).pitch() : 0);
  }

  static Launch wgrad(KernelCall call) {
    Operand x = call.problem().input(1);
    int outputs = call.x().shape().c();
    return call.elementwise(
        "linear_backward",
        "linear_wgrad",
        call.x(),
        Math.ceilDiv(outputs, ROWS),
        x.shape().c(),
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        x.shape().n(),
        outputs,
        x.shape().c(),
        call.y().pitch(),
        call.x().pitch(),
        x.pitch());
  }
}
