package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import java.util.List;

/** Launches of cross_entropy.cu and linear_backward.cu. */
final class KernelClassifier {
  private static final int WARP = 32;
  private static final int WARPS = 4;

  /** Rows of its result that a thread of linear_backward.cu makes. */
  private static final int ROWS = 4;

  private KernelClassifier() {}

  /** The rows' losses, in the workspace, and their mean. */
  static List<Launch> loss(KernelCall call, boolean warps) {
    long losses = call.binding().workspace();
    var mean = call.arguments(call.x()).set("loss", call.binding().output()).set("losses", losses);
    return List.of(
        rows(call, "cross_entropy", warps, call.arguments(call.x()).set("losses", losses)),
        call.launch("cross_entropy", "cross_entropy_mean", call.y(), Dim.of(1), Dim.of(1), mean));
  }

  static long lossWorkspace(Problem problem) {
    return (long) problem.input(0).shape().n() * Float.BYTES;
  }

  static Launch lossBackward(KernelCall call, boolean warps) {
    return rows(call, "cross_entropy_backward", warps, call.arguments(call.x()));
  }

  /** A warp for each row, or, without barriers, a thread. */
  private static Launch rows(KernelCall call, String kernel, boolean warps, Arguments parameters) {
    int rows = call.x().shape().n();
    Dim grid = Dim.of(warps ? Dim.blocks(rows, WARPS) : rows);
    Dim block = warps ? Dim.of(WARP, WARPS) : Dim.of(1);
    String name = warps ? kernel : kernel + "_rows";
    return call.launch("cross_entropy", name, call.x(), grid, block, parameters);
  }

  static Launch dgrad(KernelCall call) {
    return backward(call, "linear_dgrad", call.y(), call.y().shape().n());
  }

  static Launch wgrad(KernelCall call) {
    return backward(call, "linear_wgrad", call.problem().input(1), call.x().shape().c());
  }

  /** Makes {@code rows} rows of as many channels as {@code image} has. */
  private static Launch backward(KernelCall call, String kernel, Operand image, int rows) {
    var parameters = call.arguments(image).set("outputs", call.x().shape().c());
    int threads = Math.ceilDiv(rows, ROWS);
    return call.elementwise(
        "linear_backward", kernel, call.x(), threads, image.shape().c(), parameters);
  }
}
