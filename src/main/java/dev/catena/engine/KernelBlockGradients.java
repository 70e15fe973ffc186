package dev.catena.engine;

import dev.catena.device.Launch;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/** Launches of plain_network_backward.cu and excitation_backward.cu, on either form. */
final class KernelBlockGradients {
  private static final String PLAIN = "plain_network_backward";
  private static final String EXCITATION = "excitation_backward";

  private KernelBlockGradients() {}

  static Launch localResponseNorm(KernelCall call, Op.LocalResponseNorm norm) {
    Shape y = call.y().shape();
    return KernelBlocks.pixels(
        call,
        PLAIN,
        "local_response_norm_backward",
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        (int) y.pixels(),
        y.c(),
        norm.size(),
        norm.alpha(),
        norm.beta(),
        norm.k(),
        call.y().pitch(),
        call.x().pitch(),
        call.problem().input(1).pitch());
  }

  static Launch adaptiveAverage(KernelCall call) {
    Shape g = call.x().shape();
    Shape y = call.y().shape();
    return KernelBlocks.pixels(
        call,
        PLAIN,
        "adaptive_average_backward",
        call.binding().output(),
        call.binding().input(0),
        y.n(),
        y.h(),
        y.w(),
        g.h(),
        g.w(),
        y.c(),
        call.y().pitch(),
        call.x().pitch());
  }

  static Launch flatten(KernelCall call) {
    Shape y = call.y().shape();
    return KernelBlocks.pixels(
        call,
        PLAIN,
        "flatten_backward",
        call.binding().output(),
        call.binding().input(0),
        (int) y.pixels(),
        y.h() * y.w(),
        y.c(),
        call.y().pitch(),
        call.x().pitch());
  }

  static Launch gate(KernelCall call, boolean sigmoid) {
    Shape g = call.x().shape();
    return KernelBlocks.pixels(
        call,
        EXCITATION,
        "gate_backward",
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        sigmoid ? call.binding().input(2) : 0L,
        g.n(),
        g.h() * g.w(),
        g.c(),
        call.y().pitch(),
        call.x().pitch(),
        call.problem().input(1).pitch(),
        sigmoid ? call.problem().input(2).pitch() : 0);
  }

  static Launch sigmoid(KernelCall call) {
    Shape y = call.y().shape();
    return KernelBlocks.pixels(
        call,
        EXCITATION,
        "sigmoid_backward",
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        (int) y.pixels(),
        y.c(),
        call.y().pitch(),
        call.x().pitch(),
        call.problem().input(1).pitch());
  }
}
