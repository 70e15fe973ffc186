package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Binding;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.View;
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
    var parameters =
        call.arguments(x)
            .set("x", new View(from, x.pitch()))
            .set("strips", strips.parameters(call.binding().workspace()));
    launches.add(strips.pass(call, "batch_statistics", "batch_statistics", x, parameters));
    launches.addAll(strips.statistics(call, target, address));
    return launches;
  }

  static Launch statisticsBackward(KernelCall call, KernelStrips strips) {
    var parameters =
        call.arguments(call.x()).set("gradient", call.input(2)).set("strips", strips.parameters(0));
    return strips.pass(call, "batch_statistics", "batch_statistics_backward", call.x(), parameters);
  }

  static Launch scale(KernelCall call) {
    return launch(call, "batch_scale", arguments(call));
  }

  static Launch shift(KernelCall call) {
    return launch(call, "batch_shift", arguments(call).set("scale", call.vector(2)));
  }

  static Launch runningStatistics(KernelCall call) {
    Arguments parameters = call.arguments(call.y()).set("mean", call.vector(0));
    return launch(call, "running_statistics", call.y(), parameters);
  }

  static Launch runningMean(KernelCall call) {
    return running(call, "running_mean", 1);
  }

  static Launch runningVariance(KernelCall call, TrainingOp.RunningVariance op) {
    return running(call, "running_variance", (float) (op.count() / (op.count() - 1.0)));
  }

  private static Launch running(KernelCall call, String kernel, float unbias) {
    return launch(call, kernel, arguments(call).set("x", call.vector(0)).set("unbias", unbias));
  }

  static Launch gradient(KernelCall call) {
    var parameters =
        arguments(call)
            .set("dgamma", call.binding().output(1))
            .set("dbeta", call.binding().output(2));
    return launch(call, "batch_norm_gradient", parameters);
  }

  private static Arguments arguments(KernelCall call) {
    return call.arguments(call.problem().input(1));
  }

  private static Launch launch(KernelCall call, String kernel, Arguments parameters) {
    return launch(call, kernel, call.problem().input(1), parameters);
  }

  private static Launch launch(KernelCall call, String kernel, Operand over, Arguments parameters) {
    Dim grid = Dim.of(Dim.blocks(over.shape().c(), BLOCK));
    return call.launch("batch_norm_vectors", kernel, call.x(), grid, Dim.of(BLOCK), parameters);
  }
}
