package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.Prologue;
import dev.catena.engine.kernel.KernelParameters.View;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Launches of what touches every value once: scale_shift.cu, add.cu, concat_copy.cu, cast.cu,
 * layout.cu.
 */
final class KernelElementwise {
  private static final int BLOCK = 256;

  private KernelElementwise() {}

  /** The parameters of everything that makes y of x alone. */
  record Map(View y, View x, int pixels, int channels) {}

  private record ScaleShift(View y, View x, Prologue map, int pixels, int channels) {}

  private record Add(View y, View a, View b, int pixels, int channels, int rectify) {}

  private record NchwLayout(View nhwc, long nchw, int pixels, int area, int channels) {}

  static Launch relu(KernelCall call) {
    return scaleShift(call, new Prologue(0, 0, 1));
  }

  static Launch scaleShift(KernelCall call, boolean relu) {
    return scaleShift(
        call, call.prologue(relu ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT, 1));
  }

  private static Launch scaleShift(KernelCall call, Prologue map) {
    Shape x = call.x().shape();
    int pixels = (int) x.pixels();
    var parameters = new ScaleShift(call.output(), call.input(0), map, pixels, x.c());
    return call.elementwise("scale_shift", "scale_shift", call.x(), pixels, x.c(), parameters);
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
    int rows = (int) (y.shape().elements() / channels);
    var parameters =
        new Add(call.output(), call.input(0), call.input(1), rows, channels, relu ? 1 : 0);
    return call.elementwise("add", "add", y, rows, channels, parameters);
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
    Shape x = call.problem().input(index).shape();
    int pixels = (int) x.pixels();
    View y = new View(target, call.y().pitch());
    Map parameters = new Map(y, call.input(index), pixels, x.c());
    return call.elementwise(file, kernel, call.y(), pixels, x.c(), parameters);
  }

  static Launch fromNchw(KernelCall call) {
    return layout(call, "from_nchw", call.y(), call.output(), call.binding().input(0));
  }

  static Launch toNchw(KernelCall call) {
    return layout(call, "to_nchw", call.x(), call.input(0), call.binding().output());
  }

  private static Launch layout(
      KernelCall call, String kernel, Operand typed, View nhwc, long nchw) {
    Shape shape = typed.shape();
    int pixels = (int) shape.pixels();
    int vectors = Math.ceilDiv(shape.c(), KernelCall.VECTOR);
    Dim grid = Dim.of(Dim.blocks(pixels, BLOCK), vectors);
    var parameters = new NchwLayout(nhwc, nchw, pixels, shape.h() * shape.w(), shape.c());
    return call.launch("layout", kernel, typed, grid, Dim.of(BLOCK), parameters);
  }
}
