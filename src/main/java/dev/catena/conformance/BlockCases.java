package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.ShapeInference;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * Lines of what the networks have besides convolutions and pools:
 *
 * <ul>
 *   <li>shortcut: the shape is that of f; {@code from=} channels of x, {@code sampling=}, {@code
 *       odd} if x's last window is partial, {@code affine}, {@code relu}; {@code f=} is f's view
 *   <li>scale-channels: {@code sigmoid}, {@code residual}, {@code relu}
 *   <li>pad-channels: {@code k=}; lrn: {@code size=}; adaptive-average: {@code out=HxW}; scale:
 *       {@code factor=}; sigmoid; flatten
 * </ul>
 */
final class BlockCases {
  private final CaseLine line;
  private final DType dtype;
  private final List<Operand> inputs = new ArrayList<>();

  private BlockCases(CaseLine line, DType dtype) {
    this.line = line;
    this.dtype = dtype;
  }

  /** Whether the line is one of these. */
  static boolean has(CaseLine line) {
    return switch (line.operation()) {
      case "shortcut", "scale-channels", "pad-channels" -> true;
      case "lrn", "adaptive-average", "sigmoid", "scale", "flatten" -> true;
      default -> false;
    };
  }

  /** The problem of a line for one element type. */
  static Problem problem(CaseLine line, DType dtype) {
    return new BlockCases(line, dtype).problem();
  }

  private Problem problem() {
    return switch (line.operation()) {
      case "shortcut" -> shortcut();
      case "scale-channels" -> scaleChannels();
      case "pad-channels" -> ofX(new Op.PadChannels(line.required("k")));
      case "lrn" -> ofX(line.localResponseNorm());
      case "scale" -> ofX(new Op.Scale(line.real("factor", 0.5f)));
      case "adaptive-average" -> {
        int[] out = line.ints(line.text("out", "1x1"), "x");
        yield ofX(new Op.AdaptiveAveragePool(out[0], out[1]));
      }
      case "sigmoid" -> ofX(new Op.Sigmoid());
      default -> ofX(new Op.Flatten());
    };
  }

  private Problem shortcut() {
    Shape f = line.shape();
    Op.Sampling sampling =
        line.constant(Op.Sampling.class, line.text("sampling", Op.Sampling.NONE.name()));
    int step = sampling == Op.Sampling.NONE ? 1 : 2;
    int less = line.flag("odd") ? 1 : 0;
    int channels = line.number("from", f.c());
    input("f", f);
    input("x", Shape.nhwc(f.n(), f.h() * step - less, f.w() * step - less, channels));
    boolean affine = line.flag("affine");
    if (affine) {
      inputs.add(Operand.constant(Shape.of(f.c())));
      inputs.add(Operand.constant(Shape.of(f.c())));
    }
    return make(new Op.Shortcut(sampling, affine, line.flag("relu")));
  }

  private Problem scaleChannels() {
    Shape x = line.shape();
    boolean residual = line.flag("residual");
    input("x", x);
    input("gate", Shape.nhwc(x.n(), 1, 1, x.c()));
    if (residual) {
      input("r", x);
    }
    return make(new Op.ScaleChannels(line.flag("sigmoid"), residual, line.flag("relu")));
  }

  private Problem ofX(Op op) {
    input("x", line.shape());
    return make(op);
  }

  private void input(String key, Shape shape) {
    inputs.add(line.view(key, shape, dtype));
  }

  private Problem make(Op op) {
    List<Value> values =
        inputs.stream().map(i -> new Value(0, "input", i.shape(), i.dtype(), i.layout())).toList();
    Shape y = ShapeInference.infer(line.toString(), op, values);
    return new Problem(op, inputs, line.view("y", y, dtype));
  }
}
