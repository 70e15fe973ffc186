package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.kernel.KernelParameters.Image;
import dev.catena.engine.kernel.KernelParameters.Taps;
import dev.catena.engine.kernel.KernelParameters.View;
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

  static List<Launch> scaleShift(KernelCall call, KernelStrips strips) {
    return through(
        call, strips, "scale_shift_backward", "scale_shift_backward", call.arguments(call.y()));
  }

  static List<Launch> globalAverage(KernelCall call, KernelStrips strips) {
    var parameters = call.arguments(call.y());
    return through(call, strips, "scale_shift_backward", "global_average_backward", parameters);
  }

  static List<Launch> pool(KernelCall call, KernelStrips strips, TrainingOp.PoolBackward op) {
    Shape g = call.x().shape();
    Image in = Image.of(call.y().shape());
    Taps high = Taps.of(op.pool().rows());
    Taps wide = Taps.of(op.pool().columns());
    View taps = View.NONE;
    List<Launch> launches = new ArrayList<>();
    if (op.pool().kind() == Op.PoolKind.MAX) {
      long address = call.binding().workspace() + taps(call.problem(), strips);
      taps = new View(address, Operand.packedPitch(g.c()));
      var parameters =
          call.arguments(call.x())
              .set("taps", taps)
              .set("in", in)
              .set("out", Image.of(g))
              .set("high", high)
              .set("wide", wide);
      launches.add(call.over(call.x(), "pool_backward", "max_pool_taps", parameters));
    }
    var parameters =
        call.arguments(call.y())
            .set("source.taps", taps)
            .set("source.in", in)
            .set("source.out", Image.of(g))
            .set("source.high", high)
            .set("source.wide", wide);
    if (call.problem().outputs().size() == 1) {
      parameters.set("x", View.NONE); // Without a prologue only the taps read it.
    }
    launches.addAll(through(call, strips, "pool_backward", "pool_backward", parameters));
    return launches;
  }

  static boolean supported(Op.Pool pool) {
    return pool.kind() == Op.PoolKind.AVERAGE
        || (long) pool.kernel() * pool.kernelW() <= MOST_PLACES;
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

  /** A pass of {@code Through} of through.cuh, which leaves sums behind if there is a prologue. */
  private static List<Launch> through(
      KernelCall call, KernelStrips strips, String file, String kernel, Arguments parameters) {
    parameters.set("strips", strips.parameters(call.binding().workspace()));
    List<Launch> launches = new ArrayList<>();
    launches.add(strips.pass(call, file, kernel, call.x(), parameters));
    if (call.problem().outputs().size() > 1) {
      launches.addAll(strips.sums(call, SUMS, call.problem().output(1), call.binding().output(1)));
    }
    return launches;
  }

  static List<Launch> channelSums(KernelCall call, KernelStrips strips) {
    long sums = call.binding().workspace();
    var parameters = call.arguments(call.x()).set("strips", strips.parameters(sums));
    List<Launch> launches = new ArrayList<>();
    launches.add(strips.pass(call, "scale_shift_backward", "channel_sums", call.x(), parameters));
    launches.addAll(strips.sums(call, 1, call.y(), call.binding().output()));
    return launches;
  }

  static Launch relu(KernelCall call, KernelStrips strips) {
    var parameters = call.arguments(call.x()).set("made", call.input(1));
    return pass(call, strips, "relu_backward", parameters);
  }

  static Launch dropout(KernelCall call, KernelStrips strips, TrainingOp.ApplyDropout op) {
    var parameters =
        call.arguments(call.x())
            .set("threshold", threshold(op.probability()))
            .set("factor", 1 / (1 - op.probability()));
    return pass(call, strips, "dropout", parameters);
  }

  static Launch dropImages(KernelCall call, KernelStrips strips, TrainingOp.DropImages op) {
    var parameters =
        call.arguments(call.x()).set("threshold", threshold(op.probability())).set("factor", 1f);
    return pass(call, strips, "drop_images", parameters);
  }

  /** All images times a number: none of them is dropped. */
  static Launch scale(KernelCall call, KernelStrips strips) {
    var parameters =
        call.arguments(call.x()).set("random", 0L).set("threshold", 0).set("stream", 0);
    return pass(call, strips, "drop_images", parameters);
  }

  private static Launch pass(
      KernelCall call, KernelStrips strips, String kernel, Arguments parameters) {
    parameters.set("strips", strips.parameters(0));
    return strips.pass(call, kernel, kernel, call.x(), parameters);
  }

  /** Words below it are dropped. */
  private static int threshold(float probability) {
    return (int) (long) (probability * 0x1p32);
  }
}
