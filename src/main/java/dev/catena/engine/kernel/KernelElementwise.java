package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.View;
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

  static Launch relu(KernelCall call) {
    var parameters = call.arguments(call.x()).set("map.rectify", true);
    return call.over(call.x(), "scale_shift", "scale_shift", parameters);
  }

  /** Of activations, or of what is trained: filters by their rows, a vector as one row. */
  static Launch add(KernelCall call) {
    Operand y = call.y();
    int channels =
        switch (y.layout()) {
          case NHWC -> y.shape().c();
          case FILTERS -> y.shape().dim(1);
          default -> Math.toIntExact(y.shape().elements());
        };
    int rows = (int) (y.shape().elements() / channels);
    var parameters =
        call.arguments(y)
            .set("a", call.input(0))
            .set("b", call.input(1))
            .set("pixels", rows)
            .set("channels", channels);
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
    Operand x = call.problem().input(index);
    var parameters = call.arguments(x).set("y.data", target).set("x", call.input(index));
    return call.elementwise(file, kernel, call.y(), x.shape().pixels(), x.shape().c(), parameters);
  }

  static Launch fromNchw(KernelCall call) {
    return layout(call, "from_nchw", call.y(), call.binding().output(), call.binding().input(0));
  }

  static Launch toNchw(KernelCall call) {
    return layout(call, "to_nchw", call.x(), call.binding().input(0), call.binding().output());
  }

  private static Launch layout(
      KernelCall call, String kernel, Operand typed, long nhwc, long nchw) {
    Shape shape = typed.shape();
    int vectors = Math.ceilDiv(shape.c(), KernelCall.VECTOR);
    Dim grid = Dim.of(Dim.blocks(shape.pixels(), BLOCK), vectors);
    var parameters =
        call.arguments(typed).set("nhwc", new View(nhwc, typed.pitch())).set("nchw", nchw);
    return call.launch("layout", kernel, typed, grid, Dim.of(BLOCK), parameters);
  }
}
