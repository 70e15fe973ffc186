package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.Image;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;

/**
 * Launches of what the networks have besides convolutions and pools, and of its gradients, on
 * either form: shortcut.cu, excitation.cu, plain_network.cu, and those of the same names on the way
 * back.
 */
final class KernelBlocks {
  private KernelBlocks() {}

  static Launch shortcut(KernelCall call) {
    Operand x = call.problem().input(1);
    var parameters = images(call, x, call.y()).set("xChannels", x.shape().c());
    return call.over(call.y(), "shortcut", "shortcut", parameters);
  }

  static Launch padChannels(KernelCall call) {
    var parameters = call.arguments(call.y()).set("xChannels", call.x().shape().c());
    return call.over(call.y(), "shortcut", "pad_channels", parameters);
  }

  static Launch scaleChannels(KernelCall call, Op.ScaleChannels op) {
    var parameters = call.arguments(call.y()).set("squash", op.sigmoid());
    return call.over(call.y(), "excitation", "scale_channels", parameters);
  }

  static Launch gateBackward(KernelCall call) {
    var parameters = call.arguments(call.x());
    return call.over(call.y(), "excitation_backward", "gate_backward", parameters);
  }

  static Launch activation(KernelCall call, Op.Activation op) {
    return switch (op) {
      case Op.Relu _ -> KernelElementwise.relu(call);
      case Op.Clip _ -> call.over(call.y(), "clip", "clip");
      case Op.Unary _ -> call.over(call.y(), "unary", "unary");
      case Op.Sigmoid _ -> call.over(call.y(), "excitation", "sigmoid");
    };
  }

  static Launch activationBackward(KernelCall call, TrainingOp.ActivationBackward op) {
    return switch (op) {
      case TrainingOp.ClipBackward _ -> call.over(call.y(), "clip", "clip_backward");
      case TrainingOp.UnaryBackward _ -> call.over(call.y(), "unary", "unary_backward");
      case TrainingOp.SigmoidBackward _ -> {
        var parameters = call.arguments(call.y()).set("y", call.input(1));
        yield call.over(call.y(), "excitation_backward", "sigmoid_backward", parameters);
      }
    };
  }

  static Launch adaptiveAverage(KernelCall call) {
    var parameters = images(call, call.x(), call.y());
    return call.over(call.y(), "plain_network", "adaptive_average", parameters);
  }

  static Launch adaptiveAverageBackward(KernelCall call) {
    var parameters = images(call, call.y(), call.x());
    String file = "plain_network_backward";
    return call.over(call.y(), file, "adaptive_average_backward", parameters);
  }

  static Launch sample(KernelCall call) {
    var parameters = images(call, call.x(), call.y()).set("rows", call.vector(1));
    return call.over(call.y(), "sample", "sample", parameters);
  }

  static Launch sampleBackward(KernelCall call) {
    var parameters = images(call, call.y(), call.x()).set("rows", call.vector(1));
    return call.over(call.y(), "sample", "sample_backward", parameters);
  }

  private static Arguments images(KernelCall call, Operand from, Operand to) {
    return call.arguments(call.y())
        .set("in", Image.of(from.shape()))
        .set("out", Image.of(to.shape()));
  }
}
