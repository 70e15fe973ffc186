package dev.catena.onnx;

import dev.catena.graph.Op;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.Collections;
import java.util.List;

/**
 * How windows lie over an image.
 *
 * @param h rows
 * @param w columns
 */
record Windows(Op.Window h, Op.Window w) {
  private static final Op.Window POINT = Op.Window.of(1, 1, 0);

  /** Each pixel by itself. */
  static final Windows POINTS = new Windows(POINT, POINT);

  /**
   * From a node's attributes.
   *
   * @param x the image, N,C,H,W or N,C,W
   * @param kernel taps of the windows, along as many axes as the image has
   * @throws Unsupported if {@code kernel} does not fit the image
   */
  static Windows of(OnnxNode node, Term.Live x, List<Integer> kernel) {
    int axes = x.dims().size() - 2;
    List<Integer> ones = Collections.nCopies(axes, 1);
    List<Integer> strides = node.integers("strides", ones);
    List<Integer> dilations = node.integers("dilations", ones);
    if (axes < 1 || kernel.size() != axes) {
      throw new Unsupported("its windows are " + kernel + " over " + x.dims());
    }
    Op.Window[] made = {POINT, POINT};
    for (int axis = 0; axis < axes; axis++) {
      int dilation = kernel.get(axis) == 1 ? 1 : dilations.get(axis);
      int window = Math.addExact(Math.multiplyExact(kernel.get(axis) - 1, dilation), 1);
      int stride = strides.get(axis);
      int[] pads = pads(node, axis, axes, x.dims().get(axis + 2), window, stride);
      made[2 - axes + axis] = new Op.Window(kernel.get(axis), stride, pads[0], pads[1], dilation);
    }
    return new Windows(made[0], made[1]);
  }

  /** Cells before and behind. */
  private static int[] pads(OnnxNode node, int axis, int axes, int extent, int window, int stride) {
    String auto = node.text("auto_pad", "NOTSET");
    int all = Math.max(0, (Math.ceilDiv(extent, stride) - 1) * stride + window - extent);
    return switch (auto) {
      case "NOTSET", "" -> {
        List<Integer> pads = node.integers("pads", Collections.nCopies(2 * axes, 0));
        yield new int[] {pads.get(axis), pads.get(axis + axes)};
      }
      case "VALID" -> new int[] {0, 0};
      case "SAME_UPPER" -> new int[] {all / 2, all - all / 2};
      case "SAME_LOWER" -> new int[] {all - all / 2, all / 2};
      default -> throw new Unsupported("its auto_pad is " + auto);
    };
  }
}
