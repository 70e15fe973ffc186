package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import java.util.ArrayList;
import java.util.List;

/**
 * Launches of what touches every value once: scale_shift.cu, add.cu, concat_copy.cu, cast.cu,
 * layout.cu.
 */
final class KernelElementwise {
  private static final int BLOCK = 256;

  private KernelElementwise() {}

  static Launch relu(KernelCall call) {
    return scaleShift(call, 0, 0, true);
  }

  static Launch scaleShift(KernelCall call, boolean relu) {
    return scaleShift(call, call.vector(1), call.vector(2), relu);
  }

  private static Launch scaleShift(KernelCall call, long scale, long shift, boolean relu) {
    Operand x = call.x();
    long pixels = x.shape().pixels();
    return call.elementwise(
        "scale_shift",
        "scale_shift",
        x,
        pixels,
        x.shape().c(),
        call.binding().output(),
        call.binding().input(0),
        scale,
        shift,
        (int) pixels,
        x.shape().c(),
        call.y().pitch(),
        x.pitch(),
        relu ? 1 : 0);
  }

  /** Of activations, or of what is trained: filters by their rows, a vector as one row. */
  static Launch add(KernelCall call, boolean relu) {
    Operand y = call.y();
    int channels =
        switch (y.layout()) {
          case NHWC -> y.shape().c();
          case FILTERS -> y.shape().dim(1);
          default -> Math.toIntExact(y.shape().elements());
        };
    long rows = y.shape().elements() / channels;
    return call.elementwise(
        "add",
        "add",
        y,
        rows,
        channels,
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        (int) rows,
        channels,
        y.pitch(),
        call.x().pitch(),
        call.problem().input(1).pitch(),
        relu ? 1 : 0);
  }

  /** One copy for each input, each into its own channels. */
  static List<Launch> concat(KernelCall call) {
    List<Launch> copies = new ArrayList<>();
    long target = call.binding().output();
    for (int i = 0; i < call.problem().inputs().size(); i++) {
      Operand x = call.problem().input(i);
      copies.add(copy(call, "concat_copy", "concat_copy", i, target));
      target += (long) x.shape().c() * x.dtype().bytes();
    }
    return copies;
  }

  /** A copy, or a conversion if the types differ. */
  static Launch copy(KernelCall call) {
    Operand x = call.x();
    boolean same = x.dtype() == call.y().dtype();
    return same
        ? copy(call, "concat_copy", "concat_copy", 0, call.binding().output())
        : copy(call, "cast", "cast_" + x.dtype().suffix(), 0, call.binding().output());
  }

  private static Launch copy(KernelCall call, String file, String kernel, int index, long target) {
    Operand x = call.problem().input(index);
    long pixels = x.shape().pixels();
    return call.elementwise(
        file,
        kernel,
        call.y(),
        pixels,
        x.shape().c(),
        target,
        call.binding().input(index),
        (int) pixels,
        x.shape().c(),
        call.y().pitch(),
        x.pitch());
  }

  static Launch fromNchw(KernelCall call) {
    return layout(call, "from_nchw", call.y());
  }

  static Launch toNchw(KernelCall call) {
    return layout(call, "to_nchw", call.x());
  }

  private static Launch layout(KernelCall call, String kernel, Operand nhwc) {
    long pixels = nhwc.shape().pixels();
    int channels = nhwc.shape().c();
    return call.launch(
        "layout",
        kernel,
        nhwc,
        Dim.of(Dim.blocks(pixels, BLOCK), Math.ceilDiv(channels, KernelCall.VECTOR)),
        Dim.of(BLOCK),
        call.binding().output(),
        call.binding().input(0),
        (int) pixels,
        nhwc.shape().h() * nhwc.shape().w(),
        channels,
        nhwc.pitch());
  }
}
