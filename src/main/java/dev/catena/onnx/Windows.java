package dev.catena.onnx;

import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.Collections;
import java.util.List;

/**
 * How windows lie over an image.
 *
 * @param stride of both axes
 * @param h rows
 * @param w columns
 */
record Windows(int stride, Axis h, Axis w) {
  /** Each pixel by itself. */
  static final Windows POINTS = new Windows(1, Axis.PLAIN, Axis.PLAIN);

  /**
   * One axis.
   *
   * @param dilation from one tap to the next
   * @param begin cells before the image
   * @param end cells behind it
   */
  record Axis(int dilation, int begin, int end) {
    static final Axis PLAIN = new Axis(1, 0, 0);

    /** Cells on either side, the larger of the two. */
    int pad() {
      return Math.max(begin, end);
    }

    /** Taps of zeros that {@link #pad} takes before those of a filter. */
    int leading() {
      return pad() - begin;
    }

    /** Taps of a filter of {@code kernel}, with zeros between, before and behind them. */
    int taps(int kernel) {
      return Math.addExact(Math.multiplyExact(kernel - 1, dilation), 1 + Math.abs(end - begin));
    }
  }

  /**
   * From a node's attributes.
   *
   * @param x the image, N,C,H,W or N,C,W
   * @param kernel window height and width
   * @throws Unsupported if strides differ
   */
  static Windows of(OnnxNode node, Term.Live x, List<Integer> kernel) {
    int axes = x.dims().size() - 2;
    List<Integer> ones = Collections.nCopies(axes, 1);
    List<Integer> strides = node.integers("strides", ones);
    if (strides.stream().distinct().count() != 1) {
      throw new Unsupported("its strides are " + strides);
    }
    List<Integer> dilations = node.integers("dilations", ones);
    Axis[] made = {Axis.PLAIN, Axis.PLAIN};
    for (int axis = 0; axis < axes; axis++) {
      int at = 2 - axes + axis;
      int window = (kernel.get(at) - 1) * dilations.get(axis) + 1;
      int[] pads = pads(node, axis, axes, x.dims().get(axis + 2), window, strides.getFirst());
      made[at] = new Axis(dilations.get(axis), pads[0], pads[1]);
    }
    return new Windows(strides.getFirst(), made[0], made[1]);
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

  /**
   * These, for windows without taps of their own.
   *
   * @throws Unsupported if windows have holes, or padding is not symmetric
   */
  Windows plain() {
    for (Axis axis : List.of(h, w)) {
      if (axis.dilation() != 1 || axis.begin() != axis.end()) {
        throw new Unsupported("its dilation and padding are " + axis);
      }
    }
    return this;
  }
}
