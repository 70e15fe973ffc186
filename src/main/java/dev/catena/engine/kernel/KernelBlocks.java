package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.engine.kernel.KernelParameters.Image;
import dev.catena.engine.kernel.KernelParameters.Prologue;
import dev.catena.engine.kernel.KernelParameters.View;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;

/**
 * Launches of what the networks have besides convolutions and pools, and of its gradients, on
 * either form: shortcut.cu, excitation.cu, plain_network.cu, and those of the same names on the way
 * back.
 */
final class KernelBlocks {
  private static final String PLAIN = "plain_network";
  private static final String PLAIN_BACKWARD = "plain_network_backward";

  private KernelBlocks() {}

  private record Shortcut(
      View y,
      View f,
      View x,
      Prologue epilogue,
      int sampling,
      int images,
      Image in,
      Image out,
      int xChannels,
      int channels) {}

  private record PadChannels(View y, View x, int pixels, int xChannels, int channels) {}

  private record ScaleChannels(
      View y,
      View x,
      View gate,
      View residual,
      int squash,
      int rectify,
      int pixels,
      int area,
      int channels) {}

  private record GateBackward(
      View dgate, View g, View x, View gate, int images, int area, int channels) {}

  private record Clip(View y, View x, int pixels, int channels, float min, float max) {}

  private record Unary(View y, View x, int pixels, int channels, int function, float a, float b) {}

  private record UnaryBackward(
      View dx, View g, View x, int pixels, int channels, int function, float a, float b) {}

  private record ClipBackward(
      View dx, View g, View x, int pixels, int channels, float min, float max) {}

  private record SigmoidBackward(View dx, View g, View y, int pixels, int channels) {}

  private record Norm(
      View y, View x, int pixels, int channels, int size, float alpha, float beta, float k) {}

  private record NormBackward(
      View dx,
      View g,
      View x,
      int pixels,
      int channels,
      int size,
      float alpha,
      float beta,
      float k) {}

  private record Average(View y, View x, int images, Image in, Image out, int channels) {}

  private record AverageBackward(View dx, View g, int images, Image in, Image out, int channels) {}

  private record Flatten(View y, View x, int pixels, int area, int channels) {}

  private record FlattenBackward(View dx, View g, int pixels, int area, int channels) {}

  static Launch shortcut(KernelCall call, Op.Shortcut op) {
    Shape x = call.problem().input(1).shape();
    Shape y = call.y().shape();
    Prologue epilogue =
        new Prologue(
            op.affine() ? call.vector(2) : 0, op.affine() ? call.vector(3) : 0, op.relu() ? 1 : 0);
    var parameters =
        new Shortcut(
            call.output(),
            call.input(0),
            call.input(1),
            epilogue,
            op.sampling().ordinal(),
            x.n(),
            Image.of(x),
            Image.of(y),
            x.c(),
            y.c());
    return call.overOutput("shortcut", "shortcut", parameters);
  }

  static Launch padChannels(KernelCall call) {
    Shape y = call.y().shape();
    int channels = call.x().shape().c();
    var parameters =
        new PadChannels(call.output(), call.input(0), (int) y.pixels(), channels, y.c());
    return call.overOutput("shortcut", "pad_channels", parameters);
  }

  static Launch scaleChannels(KernelCall call, Op.ScaleChannels op) {
    Shape y = call.y().shape();
    var parameters =
        new ScaleChannels(
            call.output(),
            call.input(0),
            call.input(1),
            call.input(2, call.problem().inputs().size() > 2),
            op.sigmoid() ? 1 : 0,
            op.relu() ? 1 : 0,
            (int) y.pixels(),
            y.h() * y.w(),
            y.c());
    return call.overOutput("excitation", "scale_channels", parameters);
  }

  static Launch activation(KernelCall call, Op.Activation op) {
    Shape shape = call.y().shape();
    int pixels = (int) shape.pixels();
    int channels = shape.c();
    View y = call.output();
    View x = call.input(0);
    return switch (op) {
      case Op.Relu _ -> KernelElementwise.relu(call);
      case Op.Clip c ->
          call.overOutput("clip", "clip", new Clip(y, x, pixels, channels, c.min(), c.max()));
      case Op.Unary u ->
          call.overOutput(
              "unary",
              "unary",
              new Unary(y, x, pixels, channels, u.function().ordinal(), u.a(), u.b()));
      case Op.Sigmoid _ ->
          call.overOutput(
              "excitation", "sigmoid", new KernelElementwise.Map(y, x, pixels, channels));
    };
  }

  static Launch localResponseNorm(KernelCall call, Op.LocalResponseNorm norm) {
    Shape y = call.y().shape();
    var parameters =
        new Norm(
            call.output(),
            call.input(0),
            (int) y.pixels(),
            y.c(),
            norm.size(),
            norm.alpha(),
            norm.beta(),
            norm.k());
    return call.overOutput(PLAIN, "local_response_norm", parameters);
  }

  static Launch adaptiveAverage(KernelCall call) {
    Shape x = call.x().shape();
    Shape y = call.y().shape();
    var parameters =
        new Average(call.output(), call.input(0), x.n(), Image.of(x), Image.of(y), y.c());
    return call.overOutput(PLAIN, "adaptive_average", parameters);
  }

  static Launch flatten(KernelCall call) {
    Shape x = call.x().shape();
    int pixels = (int) x.pixels();
    var parameters = new Flatten(call.output(), call.input(0), pixels, x.h() * x.w(), x.c());
    return call.elementwise(PLAIN, "flatten", call.x(), pixels, x.c(), parameters);
  }

  static Launch localResponseNormBackward(KernelCall call, Op.LocalResponseNorm norm) {
    Shape y = call.y().shape();
    var parameters =
        new NormBackward(
            call.output(),
            call.input(0),
            call.input(1),
            (int) y.pixels(),
            y.c(),
            norm.size(),
            norm.alpha(),
            norm.beta(),
            norm.k());
    return call.overOutput(PLAIN_BACKWARD, "local_response_norm_backward", parameters);
  }

  static Launch adaptiveAverageBackward(KernelCall call) {
    Shape x = call.y().shape();
    Shape y = call.x().shape();
    var parameters =
        new AverageBackward(call.output(), call.input(0), x.n(), Image.of(x), Image.of(y), y.c());
    return call.overOutput(PLAIN_BACKWARD, "adaptive_average_backward", parameters);
  }

  static Launch flattenBackward(KernelCall call) {
    Shape y = call.y().shape();
    var parameters =
        new FlattenBackward(call.output(), call.input(0), (int) y.pixels(), y.h() * y.w(), y.c());
    return call.overOutput(PLAIN_BACKWARD, "flatten_backward", parameters);
  }

  static Launch gateBackward(KernelCall call) {
    Shape g = call.x().shape();
    var parameters =
        new GateBackward(
            call.output(),
            call.input(0),
            call.input(1),
            call.input(2, call.problem().inputs().size() > 2),
            g.n(),
            g.h() * g.w(),
            g.c());
    return call.overOutput("excitation_backward", "gate_backward", parameters);
  }

  static Launch activationBackward(KernelCall call, TrainingOp.ActivationBackward op) {
    Shape y = call.y().shape();
    int pixels = (int) y.pixels();
    View dx = call.output();
    View g = call.input(0);
    View given = call.input(1);
    return switch (op) {
      case TrainingOp.ClipBackward c ->
          call.overOutput(
              "clip",
              "clip_backward",
              new ClipBackward(dx, g, given, pixels, y.c(), c.min(), c.max()));
      case TrainingOp.UnaryBackward u ->
          call.overOutput(
              "unary",
              "unary_backward",
              new UnaryBackward(dx, g, given, pixels, y.c(), u.function().ordinal(), u.a(), u.b()));
      case TrainingOp.SigmoidBackward _ ->
          call.overOutput(
              "excitation_backward",
              "sigmoid_backward",
              new SigmoidBackward(dx, g, given, pixels, y.c()));
    };
  }
}
