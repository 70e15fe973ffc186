package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/**
 * Launches of what reduces the channels of a pixel or the pixels of an image: softmax.cu, norm.cu.
 */
final class KernelRows {
  private static final int WARP = 32;
  private static final int WARPS = 4;

  private KernelRows() {}

  static Launch softmax(KernelCall call, Op.SoftmaxForm form, boolean warps) {
    int rows = (int) call.x().shape().pixels();
    var parameters =
        call.arguments(call.x())
            .set("rows", rows)
            .set("logarithm", form == Op.SoftmaxForm.LOGARITHMS);
    return rows(call, "softmax", warps ? "softmax" : "softmax_rows", rows, warps, parameters);
  }

  static Launch argMax(KernelCall call) {
    long pixels = call.x().shape().pixels();
    return call.elementwise("softmax", "argmax", call.x(), pixels, 1, call.arguments(call.x()));
  }

  static Launch norm(KernelCall call, Op.Norm op, boolean warps) {
    Shape x = call.x().shape();
    int area = op.over() == Op.NormOver.IMAGE ? x.h() * x.w() : 1;
    int sets = Math.toIntExact(x.pixels() / area * op.groups());
    var parameters =
        call.arguments(call.x())
            .set("scale", call.vector(1))
            .set("shift", call.vector(2))
            .set("sets", sets)
            .set("area", area);
    return rows(call, "norm", warps ? "norm" : "norm_sets", sets, warps, parameters);
  }

  /** A warp for each row, or, without barriers, a thread. */
  private static Launch rows(
      KernelCall call, String file, String kernel, int rows, boolean warps, Arguments parameters) {
    Dim grid = Dim.of(warps ? Dim.blocks(rows, WARPS) : rows);
    Dim block = warps ? Dim.of(WARP, WARPS) : Dim.of(1);
    return call.launch(file, kernel, call.x(), grid, block, parameters);
  }
}
