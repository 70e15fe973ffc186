package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;

/** Launches of batch_statistics.cu and batch_norm_vectors.cu. */
final class KernelBatchNorm {
  private static final int BLOCK = 256;

  private KernelBatchNorm() {}

  static List<Launch> statistics(KernelCall call, KernelStrips strips) {
    Binding at = call.binding();
    return statistics(call, strips, call.x(), at.input(0), call.y(), at.output());
  }

  /** Bytes of scratch for the statistics of {@code y}. */
  static long statisticsWorkspace(Operand y) {
    return KernelStrips.of(y, false).workspace(2);
  }

  /** The statistics, output 1, of output 0, which a launch before has made. */
  static List<Launch> statisticsOfOutput(KernelCall call) {
    Binding at = call.binding();
    Operand made = call.problem().output(1);
    KernelStrips strips = KernelStrips.of(call.y(), false);
    return statistics(call, strips, call.y(), at.output(), made, at.output(1));
  }

  private static List<Launch> statistics(
      KernelCall call, KernelStrips strips, Operand x, long from, Operand target, long address) {
    List<Launch> launches = new ArrayList<>();
    launches.add(
        strips.pass(
            call,
            "batch_statistics",
            "batch_statistics",
            x,
            call.binding().workspace(),
            from,
            strips.pixels(),
            strips.length(),
            strips.channels(),
            x.pitch()));
    launches.addAll(strips.statistics(call, target, address));
    return launches;
  }

  static Launch statisticsBackward(KernelCall call, KernelStrips strips, boolean accumulate) {
    Operand x = call.x();
    return strips.pass(
        call,
        "batch_statistics",
        "batch_statistics_backward",
        x,
        call.binding().output(),
        call.binding().input(0),
        call.binding().input(1),
        call.binding().input(2),
        accumulate ? call.binding().input(3) : 0L,
        strips.pixels(),
        strips.length(),
        strips.channels(),
        call.y().pitch(),
        x.pitch(),
        call.problem().input(1).pitch(),
        call.problem().input(2).pitch(),
        accumulate ? call.problem().input(3).pitch() : 0);
  }

  static Launch scale(KernelCall call, TrainingOp.BatchScale op) {
    return vector(call, "batch_scale", op.epsilon(), channels(call), pitch(call));
  }

  static Launch shift(KernelCall call) {
    return vector(call, "batch_shift", call.vector(2), channels(call));
  }

  static Launch runningMean(KernelCall call, TrainingOp.RunningMean op) {
    return vector(call, "running_mean", op.momentum(), channels(call));
  }

  static Launch runningVariance(KernelCall call, TrainingOp.RunningVariance op) {
    float unbias = (float) (op.count() / (op.count() - 1.0));
    return vector(call, "running_variance", op.momentum(), unbias, channels(call), pitch(call));
  }

  static Launch gradient(KernelCall call, TrainingOp.BatchNormGradient op) {
    Binding at = call.binding();
    return launch(
        call,
        "batch_norm_gradient",
        at.output(),
        at.output(1),
        at.output(2),
        call.vector(0),
        at.input(1),
        at.input(2),
        op.accumulate() ? at.input(3) : 0L,
        op.epsilon(),
        channels(call),
        call.y().pitch(),
        pitch(call),
        call.problem().input(2).pitch(),
        op.accumulate() ? call.problem().input(3).pitch() : 0);
  }

  /** A vector made of a vector, the statistics and more. */
  private static Launch vector(KernelCall call, String kernel, Object... more) {
    List<Object> args = new ArrayList<>();
    args.addAll(List.of(call.binding().output(), call.vector(0), call.binding().input(1)));
    args.addAll(List.of(more));
    return launch(call, kernel, args.toArray());
  }

  private static Launch launch(KernelCall call, String kernel, Object... args) {
    Dim grid = Dim.of(Dim.blocks(channels(call), BLOCK));
    return call.launch("batch_norm_vectors", kernel, call.x(), grid, Dim.of(BLOCK), args);
  }

  private static int channels(KernelCall call) {
    return call.problem().input(1).shape().c();
  }

  /** From the statistics' means to their variances. */
  private static int pitch(KernelCall call) {
    return call.problem().input(1).pitch();
  }
}
