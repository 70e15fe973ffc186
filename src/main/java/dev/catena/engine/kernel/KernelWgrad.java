package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The gradient by a convolution's filters as a matrix product over pixels (conv_wgrad.cu), its
 * pixels shared out among parts.
 *
 * @param problem the gradient
 * @param conv the convolution
 * @param cut into blocks on tensor cores; empty for those on the fp32 units
 * @param parts of the pixels
 */
record KernelWgrad(Problem problem, Op.Conv conv, Optional<WgradCut> cut, FilterParts parts) {
  private static final int TILE = 64;
  private static final int THREADS = 128;

  /** Pixels of a step on the fp32 units. */
  private static final int STEP = 32;

  /** Blocks of a multiprocessor on the fp32 units. */
  private static final int RESIDENT = 4;

  /** Whether such a kernel computes it: it has one stride and no dilation. */
  static boolean supports(TrainingOp.ConvWgrad op) {
    Op.Conv conv = op.conv();
    return conv.groups() == 1
        && conv.stride() == conv.strideW()
        && conv.dilation() == 1
        && conv.dilationW() == 1;
  }

  /** On tensor cores where they take it, in as many parts as keep the device busy. */
  static KernelWgrad choose(Problem problem, Op.Conv conv, Device device) {
    return on(problem, conv, device, _ -> true)
        .orElseGet(() -> of(problem, conv, Optional.empty(), new KernelLimits(device)));
  }

  /** The same on tensor cores among some tiles; empty if none of them takes it. */
  private static Optional<KernelWgrad> on(
      Problem problem, Op.Conv conv, Device device, Predicate<WgradCut.Tile> tiles) {
    KernelLimits limits = new KernelLimits(device);
    return pipelined(problem, conv, limits)
        ? WgradCut.choose(problem, conv, limits, tiles)
            .map(cut -> of(problem, conv, Optional.of(cut), limits))
        : Optional.empty();
  }

  /** Every tile that takes it. */
  static List<KernelWay> ways(
      Problem problem, TrainingOp.ConvWgrad op, Device device, boolean compete) {
    return WgradCut.TILES.stream()
        .filter(_ -> supports(op))
        .flatMap(
            tile ->
                on(problem, op.conv(), device, tile::equals).stream()
                    .map(gradient -> gradient.way(tile.kernel(), compete)))
        .toList();
  }

  KernelWay way(String name, boolean competes) {
    return new KernelWay(name, competes, workspace(), this::launches);
  }

  /** The same in a given cut. */
  static KernelWgrad of(
      Problem problem, Op.Conv conv, Optional<WgradCut> cut, KernelLimits limits) {
    Shape g = problem.input(0).shape();
    long steps = cut.map(c -> c.steps(g)).orElse(Math.ceilDiv(g.pixels(), STEP));
    long tiles = cut.map(c -> c.tiles(problem)).orElse(adds(problem, conv).count());
    long blocks =
        (long) cut.map(c -> c.tile().resident()).orElse(RESIDENT) * limits.multiprocessors();
    FilterParts most = FilterParts.atMost(Math.max(1, blocks / tiles), steps, problem.output());
    // No part is empty.
    int count = Math.toIntExact(Math.ceilDiv(steps, Math.ceilDiv(steps, most.count())));
    return new KernelWgrad(problem, conv, cut, new FilterParts(count, problem.output()));
  }

  /** Whether tensor cores take it. */
  static boolean pipelined(Problem problem, Op.Conv conv, KernelLimits limits) {
    Operand x = problem.input(1);
    return x.dtype() != DType.FP32
        && x.firstChannel() % KernelCall.VECTOR == 0
        && conv.prologue() != Op.Prologue.SCALE_SHIFT
        && KernelConvolutions.tiled(conv)
        && (conv.kernelH() == 1 || conv.stride() == 1)
        && limits.pipelines();
  }

  /** Blocks of a part on the fp32 units. */
  private static Dim adds(Problem problem, Op.Conv conv) {
    int taps = conv.kernelH() * conv.kernelW();
    Shape dw = problem.output().shape();
    return Dim.of(1, Dim.blocks(dw.dim(0), TILE), taps * Dim.blocks(dw.dim(1), TILE));
  }

  /** Bytes of the parts. */
  private long workspace() {
    return parts.bytes();
  }

  private List<Launch> launches(KernelCall call) {
    return parts.after(cut.map(c -> launch(call, c)).orElseGet(() -> adds(call)), call);
  }

  private Arguments parameters(KernelCall call, int steps, int each, int lines, int columns) {
    return call.convolution(problem.input(1), call.x())
        .set("dw", parts.target(call))
        .set("all", steps)
        .set("each", each)
        .set("lines", lines)
        .set("columns", columns);
  }

  private Launch launch(KernelCall call, WgradCut cut) {
    int steps = Math.toIntExact(cut.steps(call.x().shape()));
    Shape dw = problem.output().shape();
    return call.launch(
        "conv_wgrad",
        cut.tile().kernel(),
        call.x().dtype().suffix(),
        Dim.of(
            parts.count(),
            Dim.blocks(dw.dim(0), cut.tile().rows()),
            Dim.blocks(dw.dim(1), cut.tile().columns())),
        Dim.of(cut.tile().threads()),
        cut.sharedBytes(),
        parameters(call, steps, Math.ceilDiv(steps, parts.count()), cut.lines(), cut.columns()));
  }

  private Launch adds(KernelCall call) {
    int steps = Math.toIntExact(Math.ceilDiv(call.x().shape().pixels(), STEP));
    int pixels = Math.ceilDiv(steps, parts.count()) * STEP;
    Dim tiles = adds(problem, conv);
    Dim grid = Dim.of(parts.count(), tiles.y(), tiles.z());
    return call.launch(
        "conv_wgrad",
        "conv_wgrad",
        call.x(),
        grid,
        Dim.of(THREADS),
        parameters(call, steps, pixels, 0, 0));
  }
}
