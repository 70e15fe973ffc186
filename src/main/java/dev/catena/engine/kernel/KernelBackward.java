package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.engine.kernel.KernelParameters.Image;
import dev.catena.engine.kernel.KernelParameters.Prologue;
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

  private record Through(
      Record source,
      View y,
      View x,
      View a,
      Prologue prologue,
      long mean,
      KernelStrips.Strips strips) {}

  private record Same(View g) {}

  private record Spread(View g, int area) {}

  private record Windows(
      View g, View taps, Image in, Image out, int kernel, int stride, int pad, int includePad) {}

  private record MaxPoolTaps(
      View taps,
      View x,
      Prologue prologue,
      int images,
      Image in,
      Image out,
      int kernel,
      int stride,
      int pad,
      int channels) {}

  private record Total(View g, KernelStrips.Strips strips) {}

  private record ReluBackward(View y, View g, View made, View a, KernelStrips.Strips strips) {}

  private record Dropout(
      View y,
      View x,
      long random,
      int threshold,
      int stream,
      float factor,
      KernelStrips.Strips strips) {}

  private record DropImages(
      View y,
      View x,
      long random,
      int threshold,
      int stream,
      float factor,
      int area,
      KernelStrips.Strips strips) {}

  static List<Launch> scaleShift(
      KernelCall call, KernelStrips strips, TrainingOp.ScaleShiftBackward op) {
    Op.Prologue prologue = op.relu() ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT;
    return through(
        call,
        strips,
        "scale_shift_backward",
        "scale_shift_backward",
        prologue,
        op,
        new Same(call.input(0)));
  }

  static List<Launch> globalAverage(
      KernelCall call, KernelStrips strips, TrainingOp.GlobalAveragePoolBackward op) {
    Spread g = new Spread(call.input(0), op.height() * op.width());
    return through(
        call, strips, "scale_shift_backward", "global_average_backward", op.prologue(), op, g);
  }

  static List<Launch> pool(KernelCall call, KernelStrips strips, TrainingOp.PoolBackward op) {
    Op.Pool pool = op.pool();
    Shape g = call.x().shape();
    Image in = new Image(op.height(), op.width());
    View taps = View.NONE;
    List<Launch> launches = new ArrayList<>();
    if (pool.kind() == Op.PoolKind.MAX) {
      long address = call.binding().workspace() + taps(call.problem(), strips);
      taps = new View(address, Operand.packedPitch(g.c()));
      var parameters =
          new MaxPoolTaps(
              taps,
              call.input(1),
              call.prologue(pool.prologue(), 2),
              g.n(),
              in,
              Image.of(g),
              pool.kernel(),
              pool.stride(),
              pool.pad(),
              g.c());
      launches.add(
          call.elementwise(
              "pool_backward", "max_pool_taps", call.x(), g.pixels(), g.c(), parameters));
    }
    Windows windows =
        new Windows(
            call.input(0),
            taps,
            in,
            Image.of(g),
            pool.kernel(),
            pool.stride(),
            pool.pad(),
            pool.includePad() ? 1 : 0);
    launches.addAll(
        through(call, strips, "pool_backward", "pool_backward", pool.prologue(), op, windows));
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

  /**
   * Inputs are g, then with a prologue x, s, t and the statistics, last what is added to.
   *
   * @param source {@code Source} of through.cuh
   */
  private static List<Launch> through(
      KernelCall call,
      KernelStrips strips,
      String file,
      String kernel,
      Op.Prologue prologue,
      TrainingOp.Accumulating op,
      Record source) {
    boolean through = prologue != Op.Prologue.NONE;
    var parameters =
        new Through(
            source,
            call.output(),
            call.input(1, through),
            call.input(call.problem().inputs().size() - 1, op.accumulate()),
            call.prologue(prologue, 2),
            through ? call.binding().input(4) : 0,
            strips.parameters(call.binding().workspace()));
    List<Launch> launches = new ArrayList<>();
    launches.add(strips.pass(call, file, kernel, call.x(), parameters));
    if (through) {
      launches.addAll(strips.sums(call, SUMS, call.problem().output(1), call.binding().output(1)));
    }
    return launches;
  }

  static List<Launch> channelSums(KernelCall call, KernelStrips strips) {
    var parameters = new Total(call.input(0), strips.parameters(call.binding().workspace()));
    List<Launch> launches = new ArrayList<>();
    launches.add(strips.pass(call, "scale_shift_backward", "channel_sums", call.x(), parameters));
    launches.addAll(strips.sums(call, 1, call.y(), call.binding().output()));
    return launches;
  }

  static Launch relu(KernelCall call, KernelStrips strips, boolean accumulate) {
    var parameters =
        new ReluBackward(
            call.output(),
            call.input(0),
            call.input(1),
            call.input(2, accumulate),
            strips.parameters(0));
    return strips.pass(call, "relu_backward", "relu_backward", call.x(), parameters);
  }

  static Launch dropout(KernelCall call, KernelStrips strips, TrainingOp.ApplyDropout op) {
    var parameters =
        new Dropout(
            call.output(),
            call.input(0),
            call.binding().input(1),
            threshold(op.probability()),
            op.stream(),
            1 / (1 - op.probability()),
            strips.parameters(0));
    return strips.pass(call, "dropout", "dropout", call.x(), parameters);
  }

  static Launch dropImages(KernelCall call, KernelStrips strips, TrainingOp.DropImages op) {
    int threshold = threshold(op.probability());
    return images(call, strips, call.binding().input(1), threshold, op.stream(), 1);
  }

  /** All images times a number. */
  static Launch scale(KernelCall call, KernelStrips strips, float factor) {
    return images(call, strips, 0, 0, 0, factor);
  }

  private static Launch images(
      KernelCall call, KernelStrips strips, long random, int threshold, int stream, float factor) {
    Shape x = call.x().shape();
    var parameters =
        new DropImages(
            call.output(),
            call.input(0),
            random,
            threshold,
            stream,
            factor,
            x.h() * x.w(),
            strips.parameters(0));
    return strips.pass(call, "drop_images", "drop_images", call.x(), parameters);
  }

  /** Words below it are dropped. */
  private static int threshold(float probability) {
    return (int) (long) (probability * 0x1p32);
  }
}
