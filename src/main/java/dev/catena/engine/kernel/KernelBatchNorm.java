package dev.catena.engine.kernel;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.View;
import dev.catena.engine.kernel.KernelStrips.Strips;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;

/** Launches of batch_statistics.cu and batch_norm_vectors.cu. */
final class KernelBatchNorm {
  private static final int BLOCK = 256;

  private KernelBatchNorm() {}

  private record Moments(View x, Strips strips) {}

  private record MomentsBackward(
      View y, View x, View a, View statistics, View gradient, Strips strips) {}

  private record BatchScale(long y, long gamma, View statistics, float epsilon, int channels) {}

  private record BatchShift(long y, long beta, long statistics, long scale, int channels) {}

  private record Running(
      long y, long x, View statistics, float momentum, float unbias, int channels) {}

  private record BatchNormGradient(
      View y,
      long dgamma,
      long dbeta,
      long gamma,
      View statistics,
      View sums,
      View a,
      float epsilon,
      int channels) {}

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
            new Moments(new View(from, x.pitch()), strips.parameters(call.binding().workspace()))));
    launches.addAll(strips.statistics(call, target, address));
    return launches;
  }

  static Launch statisticsBackward(KernelCall call, KernelStrips strips, boolean accumulate) {
    var parameters =
        new MomentsBackward(
            call.output(),
            call.input(0),
            call.input(3, accumulate),
            call.input(1),
            call.input(2),
            strips.parameters(0));
    return strips.pass(call, "batch_statistics", "batch_statistics_backward", call.x(), parameters);
  }

  static Launch scale(KernelCall call, TrainingOp.BatchScale op) {
    var parameters =
        new BatchScale(
            call.binding().output(), call.vector(0), call.input(1), op.epsilon(), channels(call));
    return launch(call, "batch_scale", parameters);
  }

  static Launch shift(KernelCall call) {
    Binding at = call.binding();
    var parameters =
        new BatchShift(at.output(), call.vector(0), at.input(1), call.vector(2), channels(call));
    return launch(call, "batch_shift", parameters);
  }

  static Launch runningMean(KernelCall call, TrainingOp.RunningMean op) {
    return running(call, "running_mean", op.momentum(), 1);
  }

  static Launch runningVariance(KernelCall call, TrainingOp.RunningVariance op) {
    float unbias = (float) (op.count() / (op.count() - 1.0));
    return running(call, "running_variance", op.momentum(), unbias);
  }

  private static Launch running(KernelCall call, String kernel, float momentum, float unbias) {
    long y = call.binding().output();
    var parameters =
        new Running(y, call.vector(0), call.input(1), momentum, unbias, channels(call));
    return launch(call, kernel, parameters);
  }

  static Launch gradient(KernelCall call, TrainingOp.BatchNormGradient op) {
    var parameters =
        new BatchNormGradient(
            call.output(),
            call.binding().output(1),
            call.binding().output(2),
            call.vector(0),
            call.input(1),
            call.input(2),
            call.input(3, op.accumulate()),
            op.epsilon(),
            channels(call));
    return launch(call, "batch_norm_gradient", parameters);
  }

  private static Launch launch(KernelCall call, String kernel, Record parameters) {
    Dim grid = Dim.of(Dim.blocks(channels(call), BLOCK));
    return call.launch("batch_norm_vectors", kernel, call.x(), grid, Dim.of(BLOCK), parameters);
  }

  private static int channels(KernelCall call) {
    return call.problem().input(1).shape().c();
  }
}
