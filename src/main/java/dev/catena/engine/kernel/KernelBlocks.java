package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;

/**
 * Launches of what the networks have besides convolutions and pools, and of its gradients, on
 * either form: shortcut.cu, excitation.cu, plain_network.cu, and those of the same names on the way
 * back.
 */
final class KernelBlocks {
  private static final String PLAIN = "plain_network";
  private static final String PLAIN_BACKWARD = "plain_network_backward";

  private KernelBlocks() {}

  static Launch shortcut(KernelCall call, Op.Shortcut op) {
    Operand from = call.problem().input(1);
    Shape x = from.shape();
    Shape y = call.y().shape();
    return pixels(
        call,
        "shortcut",
        "shortcut",
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        op.affine() ? call.vector(2) : 0L,
        op.affine() ? call.vector(3) : 0L,
        op.relu() ? 1 : 0,
        op.sampling().ordinal(),
        x.n(),
        x.h(),
        x.w(),
        y.h(),
        y.w(),
        x.c(),
        y.c(),
        call.y().pitch(),
        call.x().pitch(),
        from.pitch());
  }

  static Launch padChannels(KernelCall call) {
    Shape y = call.y().shape();
    int channels = call.x().shape().c();
    return views(call, "shortcut", "pad_channels", 1, (int) y.pixels(), channels, y.c());
  }

  static Launch scaleChannels(KernelCall call, Op.ScaleChannels op) {
    Shape y = call.y().shape();
    int sigmoid = op.sigmoid() ? 1 : 0;
    int relu = op.relu() ? 1 : 0;
    int plane = y.h() * y.w();
    return views(
        call, "excitation", "scale_channels", 3, sigmoid, relu, (int) y.pixels(), plane, y.c());
  }

  static Launch activation(KernelCall call, Op.Activation op) {
    Shape y = call.y().shape();
    return switch (op) {
      case Op.Relu _ -> KernelElementwise.relu(call);
      case Op.Clip c -> views(call, "clip", "clip", 1, (int) y.pixels(), y.c(), c.min(), c.max());
      case Op.Sigmoid _ -> views(call, "excitation", "sigmoid", 1, (int) y.pixels(), y.c());
    };
  }

  static Launch localResponseNorm(KernelCall call, Op.LocalResponseNorm norm) {
    return normalised(call, PLAIN, "local_response_norm", 1, norm);
  }

  static Launch adaptiveAverage(KernelCall call) {
    return averaged(call, PLAIN, "adaptive_average", call.x().shape(), call.y().shape());
  }

  static Launch flatten(KernelCall call) {
    Shape x = call.x().shape();
    return call.elementwise(
        PLAIN,
        "flatten",
        call.x(),
        x.pixels(),
        x.c(),
        call.binding().output(),
        call.binding().input(0),
        (int) x.pixels(),
        x.h() * x.w(),
        x.c(),
        call.y().pitch(),
        call.x().pitch());
  }

  static Launch localResponseNormBackward(KernelCall call, Op.LocalResponseNorm norm) {
    return normalised(call, PLAIN_BACKWARD, "local_response_norm_backward", 2, norm);
  }

  static Launch adaptiveAverageBackward(KernelCall call) {
    Shape x = call.y().shape();
    return averaged(call, PLAIN_BACKWARD, "adaptive_average_backward", x, call.x().shape());
  }

  static Launch flattenBackward(KernelCall call) {
    Shape y = call.y().shape();
    int plane = y.h() * y.w();
    return views(call, PLAIN_BACKWARD, "flatten_backward", 1, (int) y.pixels(), plane, y.c());
  }

  static Launch gateBackward(KernelCall call) {
    Shape g = call.x().shape();
    int plane = g.h() * g.w();
    return views(call, "excitation_backward", "gate_backward", 3, g.n(), plane, g.c());
  }

  static Launch activationBackward(KernelCall call, TrainingOp.ActivationBackward op) {
    Shape y = call.y().shape();
    return switch (op) {
      case TrainingOp.ClipBackward c ->
          views(call, "clip", "clip_backward", 2, (int) y.pixels(), y.c(), c.min(), c.max());
      case TrainingOp.SigmoidBackward _ ->
          views(call, "excitation_backward", "sigmoid_backward", 2, (int) y.pixels(), y.c());
    };
  }

  private static Launch normalised(
      KernelCall call, String file, String kernel, int inputs, Op.LocalResponseNorm norm) {
    Shape y = call.y().shape();
    int pixels = (int) y.pixels();
    return views(
        call,
        file,
        kernel,
        inputs,
        pixels,
        y.c(),
        norm.size(),
        norm.alpha(),
        norm.beta(),
        norm.k());
  }

  private static Launch averaged(KernelCall call, String file, String kernel, Shape x, Shape y) {
    return views(call, file, kernel, 1, x.n(), x.h(), x.w(), y.h(), y.w(), y.c());
  }

  /**
   * Element-wise over the output: its address and those of so many inputs, {@code numbers}, and the
   * pitches in the same order; 0 for an input that the problem has not.
   */
  private static Launch views(
      KernelCall call, String file, String kernel, int inputs, Object... numbers) {
    List<Object> args = new ArrayList<>(List.of(call.binding().output()));
    List<Object> pitches = new ArrayList<>(List.of(call.y().pitch()));
    for (int i = 0; i < inputs; i++) {
      boolean given = i < call.problem().inputs().size();
      args.add(given ? call.binding().input(i) : 0L);
      pitches.add(given ? call.problem().input(i).pitch() : 0);
    }
    args.addAll(List.of(numbers));
    args.addAll(pitches);
    return pixels(call, file, kernel, args.toArray());
  }

  private static Launch pixels(KernelCall call, String file, String kernel, Object... args) {
    Shape y = call.y().shape();
    return call.elementwise(file, kernel, call.y(), y.pixels(), y.c(), args);
  }
}
