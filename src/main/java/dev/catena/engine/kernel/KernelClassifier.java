package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.kernel.KernelParameters.View;
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

  private record CrossEntropy(
      long losses, View x, long labels, float smoothing, int rows, int channels) {}

  private record CrossEntropyMean(long loss, long losses, float weight, int rows) {}

  private record CrossEntropyBackward(
      View y, View x, long labels, long g, float smoothing, float weight, int rows, int channels) {}

  private record LinearDgrad(View y, View g, View w, View a, int rows, int outputs, int channels) {}

  private record LinearWgrad(View dw, View g, View x, int rows, int outputs, int channels) {}

  /** The rows' losses, in the workspace, and their mean. */
  static List<Launch> loss(KernelCall call, TrainingOp.SoftmaxCrossEntropy op, boolean warps) {
    Shape logits = call.x().shape();
    Binding at = call.binding();
    var losses =
        new CrossEntropy(
            at.workspace(), call.input(0), at.input(1), op.smoothing(), logits.n(), logits.c());
    var mean = new CrossEntropyMean(at.output(), at.workspace(), op.weight(), logits.n());
    return List.of(
        rows(call, "cross_entropy", warps, losses),
        call.launch("cross_entropy", "cross_entropy_mean", call.y(), Dim.of(1), Dim.of(1), mean));
  }

  static long lossWorkspace(Problem problem) {
    return (long) problem.input(0).shape().n() * Float.BYTES;
  }

  static Launch lossBackward(
      KernelCall call, TrainingOp.SoftmaxCrossEntropyBackward op, boolean warps) {
    Shape logits = call.x().shape();
    var parameters =
        new CrossEntropyBackward(
            call.output(),
            call.input(0),
            call.binding().input(1),
            call.binding().input(2),
            op.smoothing(),
            op.weight(),
            logits.n(),
            logits.c());
    return rows(call, "cross_entropy_backward", warps, parameters);
  }

  /** A warp for each row, or, without barriers, a thread. */
  private static Launch rows(KernelCall call, String kernel, boolean warps, Record parameters) {
    int rows = call.x().shape().n();
    Dim grid = Dim.of(warps ? Dim.blocks(rows, WARPS) : rows);
    Dim block = warps ? Dim.of(WARP, WARPS) : Dim.of(1);
    String name = warps ? kernel : kernel + "_rows";
    return call.launch("cross_entropy", name, call.x(), grid, block, parameters);
  }

  static Launch dgrad(KernelCall call, boolean accumulate) {
    Shape y = call.y().shape();
    var parameters =
        new LinearDgrad(
            call.output(),
            call.input(0),
            new View(call.filters(1), Operand.packedPitch(y.c())),
            call.input(2, accumulate),
            y.n(),
            call.x().shape().c(),
            y.c());
    return call.elementwise(
        "linear_backward", "linear_dgrad", call.x(), Math.ceilDiv(y.n(), ROWS), y.c(), parameters);
  }

  static Launch wgrad(KernelCall call) {
    Shape x = call.problem().input(1).shape();
    int outputs = call.x().shape().c();
    var parameters =
        new LinearWgrad(call.output(), call.input(0), call.input(1), x.n(), outputs, x.c());
    return call.elementwise(
        "linear_backward",
        "linear_wgrad",
        call.x(),
        Math.ceilDiv(outputs, ROWS),
        x.c(),
        parameters);
  }
}
