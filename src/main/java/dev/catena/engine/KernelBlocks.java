package dev.catena.engine;

import dev.catena.device.Launch;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/**
 * Launches of what the networks have besides convolutions and pools: shortcut.cu, excitation.cu,
 * plain_network.cu.
 */
final class KernelBlocks {
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
    return pixels(
        call,
        "shortcut",
        "pad_channels",
        call.binding().output(),
        call.binding().input(0),
        (int) y.pixels(),
        call.x().shape().c(),
        y.c(),
        call.y().pitch(),
        call.x().pitch());
  }

  static Launch scaleChannels(KernelCall call, Op.ScaleChannels op) {
    Shape y = call.y().shape();
    return pixels(
        call,
        "excitation",
        "scale_channels",
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        op.residual() ? call.binding().input(2) : 0L,
        op.sigmoid() ? 1 : 0,
        op.relu() ? 1 : 0,
        (int) y.pixels(),
        y.h() * y.w(),
        y.c(),
        call.y().pitch(),
        call.x().pitch(),
        call.problem().input(1).pitch(),
        op.residual() ? call.problem().input(2).pitch() : 0);
  }

  static Launch sigmoid(KernelCall call) {
    Shape y = call.y().shape();
    return pixels(
        call,
        "excitation",
        "sigmoid",
        call.binding().output(),
        call.binding().input(0),
        (int) y.pixels(),
        y.c(),
        call.y().pitch(),
        call.x().pitch());
  }

  static Launch localResponseNorm(KernelCall call, Op.LocalResponseNorm norm) {
    Shape y = call.y().shape();
    return pixels(
        call,
        "plain_network",
        "local_response_norm",
        call.binding().output(),
        call.binding().input(0),
        (int) y.pixels(),
        y.c(),
        norm.size(),
        norm.alpha(),
        norm.beta(),
        norm.k(),
        call.y().pitch(),
        call.x().pitch());
  }

  static Launch adaptiveAverage(KernelCall call) {
    Shape x = call.x().shape();
    Shape y = call.y().shape();
    return pixels(
        call,
        "plain_network",
        "adaptive_average",
        call.binding().output(),
        call.binding().input(0),
        x.n(),
        x.h(),
        x.w(),
        y.h(),
        y.w(),
        y.c(),
        call.y().pitch(),
        call.x().pitch());
  }

  static Launch flatten(KernelCall call) {
    Shape x = call.x().shape();
    return call.elementwise(
        "plain_network",
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

  /** Element-wise over the output. */
  static Launch pixels(KernelCall call, String file, String kernel, Object... args) {
    Shape y = call.y().shape();
    return call.elementwise(file, kernel, call.y(), y.pixels(), y.c(), args);
  }
}
