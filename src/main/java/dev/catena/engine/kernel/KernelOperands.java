package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.engine.FilterPacking;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.View;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Launches of what takes activations or constants alike: binary.cu, arrange.cu, matmul.cu. */
final class KernelOperands {
  private KernelOperands() {}

  private record Eight(int i0, int i1, int i2, int i3, int i4, int i5, int i6, int i7) {
    /** With others of {@code fill} in front. */
    static Eight of(List<Integer> numbers, int fill) {
      List<Integer> all =
          new ArrayList<>(Collections.nCopies(Op.Arrange.MOST_EXTENTS - numbers.size(), fill));
      all.addAll(numbers);
      return new Eight(
          all.get(0),
          all.get(1),
          all.get(2),
          all.get(3),
          all.get(4),
          all.get(5),
          all.get(6),
          all.get(7));
    }
  }

  static Launch binary(KernelCall call, Op.Binary op) {
    Shape y = call.y().shape();
    Shape b = call.problem().input(1).shape();
    var parameters =
        call.arguments(call.y())
            .set("a", call.input(0))
            .set("b", operand(call, 1))
            .set("height", y.h())
            .set("width", y.w())
            .set("stepN", op.sharedN() ? 0 : b.h() * b.w())
            .set("stepH", op.sharedH() ? 0 : b.w())
            .set("stepW", op.sharedW() ? 0 : 1)
            .set("stepC", op.sharedC() ? 0 : 1);
    return call.over(call.y(), "binary", "binary", parameters);
  }

  static Launch matMul(KernelCall call, Op.MatMul op) {
    Shape y = call.y().shape();
    Shape b = call.problem().input(1).shape();
    var parameters =
        call.arguments(call.y())
            .set("a", operand(call, 0))
            .set("b", operand(call, 1))
            .set("height", y.h())
            .set("width", y.w())
            .set("channels", call.x().shape().c())
            .set("outputs", y.c())
            .set("stepN", op.sharedN() ? 0 : b.h() * b.w())
            .set("stepH", op.sharedH() ? 0 : b.w());
    return call.over(call.y(), "matmul", "matmul", parameters);
  }

  static Launch arrange(KernelCall call, Op.Arrange op) {
    var parameters =
        call.arguments(call.y())
            .set("x", operand(call, 0))
            .set("xChannels", call.x().shape().c())
            .set("extents", Eight.of(op.extents(), 1))
            .set("strides", Eight.of(op.strides(), 0));
    return call.over(call.y(), "arrange", "arrange", parameters);
  }

  /** Input {@code index}; a constant as an activation of the output's type. */
  static View operand(KernelCall call, int index) {
    Operand given = call.problem().input(index);
    if (given.layout() != Layout.PARAMETER) {
      return call.input(index);
    }
    // Filters of one tap for each pixel: the same rows of channels.
    Shape shape = given.shape();
    Shape rows = Shape.of((int) shape.pixels(), shape.c());
    long address = FilterPacking.of(rows, call.y().dtype()).upload(call.binding(), index);
    return new View(address, Operand.packedPitch(shape.c()));
  }
}
