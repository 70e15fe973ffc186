package dev.catena.onnx;

import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * How windows lie over an image.
 *
 * @param stride of both axes
 * @param padH rows above and below
 * @param padW columns left and right
 */
record Windows(int stride, int padH, int padW) {
  /**
   * From a node's attributes.
   *
   * @param x the image, N,C,H,W or N,C,W
   * @param kernel window height and width
   * @throws Unsupported if strides differ, windows have holes, or padding is not symmetric
   */
  static Windows of(OnnxNode node, Term.Live x, List<Integer> kernel) {
    int axes = x.dims().size() - 2;
    List<Integer> ones = Collections.nCopies(axes, 1);
    List<Integer> strides = node.integers("strides", ones);
    if (strides.stream().distinct().count() != 1) {
      throw new Unsupported("its strides are " + strides);
    }
    List<Integer> dilations = node.integers("dilations", ones);
    if (!dilations.equals(ones)) {
      throw new Unsupported("its dilations are " + dilations);
    }
    List<Integer> pads = pads(node, x, kernel, strides.getFirst());
    for (int axis = 0; axis < axes; axis++) {
      if (!pads.get(axis).equals(pads.get(axis + axes))) {
        throw new Unsupported("its padding " + pads + " is not symmetric");
      }
    }
    return new Windows(strides.getFirst(), axes == 2 ? pads.get(0) : 0, pads.get(axes - 1));
  }

  /** Begins of all axes, then ends. */
  private static List<Integer> pads(OnnxNode node, Term.Live x, List<Integer> kernel, int stride) {
    int axes = x.dims().size() - 2;
    String auto = node.text("auto_pad", "NOTSET");
    List<Integer> none = Collections.nCopies(2 * axes, 0);
    switch (auto) {
      case "NOTSET", "" -> {
        return node.integers("pads", none);
      }
      case "VALID" -> {
        return none;
      }
      case "SAME_UPPER", "SAME_LOWER" -> {
        List<Integer> begins = new ArrayList<>();
        List<Integer> ends = new ArrayList<>();
        for (int axis = 0; axis < axes; axis++) {
          int extent = x.dims().get(axis + 2);
          int size = kernel.get(kernel.size() - axes + axis);
          int all = Math.max(0, (Math.ceilDiv(extent, stride) - 1) * stride + size - extent);
          int less = all / 2;
          begins.add(auto.equals("SAME_UPPER") ? less : all - less);
          ends.add(auto.equals("SAME_UPPER") ? all - less : less);
        }
        begins.addAll(ends);
        return begins;
      }
      default -> throw new Unsupported("its auto_pad is " + auto);
    }
  }
}
