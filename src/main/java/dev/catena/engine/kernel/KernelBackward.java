package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;

/**
 * Launches of scale_shift_backward.cu, pool_backward.cu, relu_backward.cu, dropout.cu and
 * drop_images.cu.
 */
final class KernelBackward {
  /** Places of a window that bf16 tells apart. */
  private static final int MOST_PLACES = 256;

  private static final int SUMS = 2;

  private KernelBackward() {}

  static List<Launch> scaleShift(
      KernelCall call, KernelStrips strips, TrainingOp.ScaleShiftBackward op) {
    Op.Prologue prologue = op.relu() ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT;
    return through(
        call, strips, "scale_shift_backward", "scale_shift_backward", prologue, op, List.of());
  }

  static List<Launch> globalAverage(
      KernelCall call, KernelStrips strips, TrainingOp.GlobalAveragePoolBackward op) {
    List<Object> area = List.of(op.height() * op.width());
    return through(
        call, strips, "scale_shift_backward", "global_average_backward", op.prologue(), op, area);
  }

  static List<Launch> pool(KernelCall call, KernelStrips strips, TrainingOp.PoolBackward op) {
    Op.Pool pool = op.pool();
    Shape out = call.x().shape();
    boolean max = pool.kind() == Op.PoolKind.MAX;
    long taps = max ? taps(call.problem(), strips) : 0;
    List<Object> window = new ArrayList<>();
    window.addAll(List.of(op.height(), op.width(), out.h(), out.w()));
    window.addAll(List.of(pool.kernel(), pool.stride(), pool.pad()));
    List<Launch> launches = new ArrayList<>();
    if (max) {
      launches.add(taps(call, pool, call.binding().workspace() + taps, window));
    }
    List<Object> args = new ArrayList<>();
    args.add(max ? call.binding().workspace() + taps : 0L);
    args.add(Operand.packedPitch(out.c()));
    args.addAll(window);
    args.add(pool.includePad() ? 1 : 0);
    launches.addAll(
        through(call, strips, "pool_backward", "pool_backward", pool.prologue(), op, args));
    return launches;
  }

  static boolean supported(Op.Pool pool) {
    return pool.kernel() * pool.kernel() <= MOST_PLACES;
  }

  /** Bytes before the taps of a maximum in the workspace: the sums. */
  private static long taps(Problem problem, KernelStrips strips) {
    return problem.outputs().size() == 1 ? 0 : strips.workspace(SUMS);
  }

  static long poolWorkspace(Problem problem, KernelStrips strips, Op.Pool pool) {
    Shape out = problem.input(0).shape();
    long taps = out.pixels() * Operand.packedPitch(out.c()) * Short.BYTES;
    return taps(problem, strips) + (pool.kind() == Op.PoolKind.MAX ? taps : 0);
  }

  private static Launch taps(KernelCall call, Op.Pool pool, long taps, List<Object> window) {
    boolean prologue = pool.prologue() != Op.Prologue.NONE;
    Shape out = call.x().shape();
    List<Object> args = new ArrayList<>();
    args.addAll(List.of(taps, call.binding().input(1)));
    args.addAll(List.of(prologue ? call.vector(2) : 0L, prologue ? call.vector(3) : 0L));
    args.addAll(List.of(rectifies(pool.prologue()), out.n()));
    args.addAll(window);
    args.addAll(List.of(out.c(), Operand.packedPitch(out.c()), call.problem().input(1).pitch()));
    return call.elementwise(
        "pool_backward", "max_pool_taps", call.x(), out.pixels(), out.c(), args.toArray());
  }

  /** Inputs are g, then with a prologue x, s, t and the statistics, last what is added to. */
  private static List<Launch> through(
      KernelCall call,
      KernelStrips strips,
      String file,
      String kernel,
      Op.Prologue prologue,
      TrainingOp.Accumulating op,
      List<Object> more) {
    Binding at = call.binding();
    Problem problem = call.problem();
    boolean through = prologue != Op.Prologue.NONE;
    int last = problem.inputs().size() - 1;
    List<Object> args = new ArrayList<>();
    args.addAll(List.of(at.output(), at.workspace(), op.accumulate() ? at.input(last) : 0L));
    args.addAll(List.of(through ? at.input(1) : 0L, through ? call.vector(2) : 0L));
    args.addAll(List.of(through ? call.vector(3) : 0L, through ? at.input(4) : 0L));
    args.addAll(List.of(rectifies(prologue), strips.pixels(), strips.length()));
    args.addAll(List.of(strips.channels(), call.y().pitch()));
    args.addAll(List.of(problem.input(last).pitch(), through ? problem.input(1).pitch() : 0));
    args.addAll(List.of(at.input(0), call.x().pitch()));
    args.addAll(more);
    List<Launch> launches = new ArrayList<>();
    launches.add(strips.pass(call, file, kernel, call.x(), args.toArray()));
    if (through) {
      launches.addAll(strips.sums(call, SUMS, problem.output(1), at.output(1)));
    }
    return launches;
  }

  private static int rectifies(Op.Prologue prologue) {
    return prologue == Op.Prologue.SCALE_SHIFT_RELU ? 1 : 0;
  }

  static List<Launch> channelSums(KernelCall call, KernelStrips strips) {
    List<Launch> launches = new ArrayList<>();
    launches.add(
        strips.pass(
            call,
            "scale_shift_backward",
            "channel_sums",
            call.x(),
            call.binding().workspace(),
            call.binding().input(0),
            strips.pixels(),
            strips.length(),
            strips.channels(),
            call.x().pitch()));
    launches.addAll(strips.sums(call, 1, call.y(), call.binding().output()));
    return launches;
  }

  static Launch relu(KernelCall call, KernelStrips strips, boolean accumulate) {
    return strips.pass(
        call,
        "relu_backward",
        "relu_backward",
        call.x(),
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        accumulate ? call.binding().input(2) : 0L,
        strips.pixels(),
        strips.length(),
        strips.channels(),
        call.y().pitch(),
        call.x().pitch(),
        call.problem().input(1).pitch(),
        accumulate ? call.problem().input(2).pitch() : 0);
  }

  static Launch dropout(KernelCall call, KernelStrips strips, TrainingOp.ApplyDropout op) {
    return strips.pass(
        call,
        "dropout",
        "dropout",
        call.x(),
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        (int) (long) (op.probability() * 0x1p32),
        op.stream(),
        1 / (1 - op.probability()),
        strips.pixels(),
        strips.length(),
        strips.channels(),
        call.y().pitch(),
        call.x().pitch());
  }

  static Launch dropImages(KernelCall call, KernelStrips strips, TrainingOp.DropImages op) {
    int threshold = (int) (long) (op.probability() * 0x1p32);
    return images(call, strips, call.binding().input(1), threshold, op.stream(), 1);
  }

  /** All images times a number. */
  static Launch scale(KernelCall call, KernelStrips strips, float factor) {
    return images(call, strips, 0, 0, 0, factor);
  }

  private static Launch images(
      KernelCall call, KernelStrips strips, long random, int threshold, int stream, float factor) {
    Shape x = call.x().shape();
    return strips.pass(
        call,
        "drop_images",
        "drop_images",
        call.x(),
        call.binding().output(),
        call.binding().input(0),
        random,
        threshold,
        stream,
        factor,
        x.h() * x.w(),
        strips.pixels(),
        strips.length(),
        strips.channels(),
        call.y().pitch(),
        call.x().pitch());
  }
}
