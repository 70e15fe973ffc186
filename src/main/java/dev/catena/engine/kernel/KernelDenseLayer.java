package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Shape;
import java.util.List;
import java.util.Optional;

/**
 * A dense layer cut into blocks of {@code dense_layer.cu}.
 *
 * @param variant of the kernel
 * @param lines of output pixels in a block
 * @param columns of output pixels in a block
 */
record KernelDenseLayer(Variant variant, int lines, int columns) {
  private static final int ELEMENT_BYTES = 2;
  private static final int DEPTH = KernelTile.depth(DType.FP16);
  private static final int STAGES = 4;

  /**
   * Recomputed and idle rows of the bottleneck, for each that is needed, that a launch is worth.
   */
  private static final double WORTH = 1.5;

  /** Rows of bottleneck for each that is needed, from which on two launches are faster anyway. */
  private static final double HOPELESS = 3;

  /**
   * What the kernel was compiled for.
   *
   * @param rows pixels of the bottleneck in a block
   * @param bottleneck most channels between the convolutions
   * @param growth most channels of the output
   */
  record Variant(int rows, int bottleneck, int growth) {
    String kernel() {
      return "dense_layer_" + rows + "x" + bottleneck + "x" + growth;
    }

    int threads() {
      return 2 * rows;
    }

    /** As laid out in dense_layer.cu: stages, zeros, table, scale and shift, bottleneck. */
    int sharedBytes(int channels) {
      int stages = STAGES * (rows + bottleneck) * DEPTH * ELEMENT_BYTES;
      int affine = Math.ceilDiv(channels, DEPTH) * DEPTH * 2 * Float.BYTES;
      return stages
          + KernelCall.VECTOR * ELEMENT_BYTES
          + rows * Integer.BYTES
          + affine
          + rows * bottleneck * ELEMENT_BYTES;
    }
  }

  static final List<Variant> VARIANTS =
      List.of(
          new Variant(64, 64, 16),
          new Variant(64, 128, 32),
          new Variant(64, 192, 48),
          new Variant(128, 64, 16),
          new Variant(128, 128, 32),
          new Variant(128, 192, 48),
          new Variant(256, 128, 32));

  /** Why no kernel computes it; empty if one does. */
  static Optional<String> unsupported(Problem problem, Device device) {
    Operand x = problem.input(0);
    KernelLimits limits = new KernelLimits(device);
    if (x.dtype() == DType.FP32 || problem.output().dtype() != x.dtype()) {
      return Optional.of("tensor cores take 16-bit types");
    }
    if (x.firstChannel() % KernelCall.VECTOR != 0) {
      return Optional.of("x does not begin on 16 bytes");
    }
    if (!limits.pipelines()) {
      return Optional.of("asynchronous copies want compute capability 8.0");
    }
    if (VARIANTS.stream().noneMatch(v -> takes(v, problem))) {
      return Optional.of("a bottleneck of more than 192 channels or a growth of more than 48");
    }
    return cut(problem, limits).isPresent()
        ? Optional.empty()
        : Optional.of(
            "the tile does not fit in %d bytes of shared memory".formatted(limits.sharedBytes()));
  }

  private static boolean takes(Variant variant, Problem problem) {
    return problem.input(3).shape().n() <= variant.bottleneck
        && problem.output().shape().c() <= variant.growth;
  }

  /**
   * The cut with the fewest rows of bottleneck; empty if none fits in shared memory. Blocks that
   * have a multiprocessor to themselves are left to the tuner: arithmetic does not see their
   * latency.
   */
  static Optional<KernelDenseLayer> cut(Problem problem, KernelLimits limits) {
    return cut(problem, limits, VARIANTS.stream().filter(v -> v.rows <= 128).toList());
  }

  /** The same among some variants. */
  static Optional<KernelDenseLayer> cut(
      Problem problem, KernelLimits limits, List<Variant> variants) {
    Shape y = problem.output().shape();
    KernelDenseLayer best = null;
    for (Variant variant : variants) {
      int bytes = variant.sharedBytes(problem.input(0).shape().c());
      if (takes(variant, problem) && limits.blocks(bytes) > 0) {
        for (int across = 1; across <= y.w(); across++) {
          int columns = Math.ceilDiv(y.w(), across);
          int lines = lines(variant.rows, y, columns);
          KernelDenseLayer cut = new KernelDenseLayer(variant, lines, columns);
          if (lines > 0 && (best == null || cut.work(y) < best.work(y))) {
            best = cut;
          }
        }
      }
    }
    return Optional.ofNullable(best);
  }

  /**
   * Every variant that takes the layer; the narrowest compete, unless all is in vain.
   *
   * @param compete whether any does
   */
  static List<KernelWay> ways(Problem problem, KernelLimits limits, boolean compete) {
    int narrowest =
        VARIANTS.stream()
            .filter(v -> takes(v, problem))
            .mapToInt(Variant::bottleneck)
            .min()
            .orElse(0);
    return VARIANTS.stream()
        .flatMap(v -> cut(problem, limits, List.of(v)).stream())
        .map(
            cut ->
                new KernelWay(
                    cut.variant.kernel(),
                    compete
                        && cut.variant.bottleneck == narrowest
                        && cut.excess(problem.output().shape()) < HOPELESS,
                    0,
                    call -> List.of(cut.launch(call))))
        .toList();
  }

  /** The most lines whose patch has at most {@code rows} pixels, as evenly as they divide. */
  private static int lines(int rows, Shape y, int columns) {
    int width = Math.min(y.w(), columns + 2);
    int lines = y.h() * width <= rows ? y.h() : Math.max(rows / width - 2, 0);
    return lines == 0 ? 0 : Math.ceilDiv(y.h(), Math.ceilDiv(y.h(), lines));
  }

  private int blocks(Shape y) {
    return y.n() * Math.ceilDiv(y.h(), lines) * Math.ceilDiv(y.w(), columns);
  }

  /** Multiply-adds of the block's bottleneck, but for the channels of x. */
  private long work(Shape y) {
    return (long) blocks(y) * variant.rows * variant.bottleneck;
  }

  /** Rows of bottleneck that are computed, for each that is needed. */
  private double excess(Shape y) {
    return (double) blocks(y) * variant.rows / y.pixels();
  }

  /** Whether little enough is computed twice that two launches are not faster. */
  boolean worthwhile(Shape y) {
    return excess(y) <= WORTH;
  }

  Launch launch(KernelCall call) {
    var parameters =
        call.convolution(call.x(), call.y())
            .set("prologue.rectify", true)
            .set("bias", call.vector(4))
            .set("shape.stride", 1)
            .set("bottleneck", call.problem().input(3).shape().n())
            .set("lines", lines)
            .set("columns", columns);
    return call.launch(
        "dense_layer",
        variant.kernel(),
        call.x().dtype().suffix(),
        Dim.of(blocks(call.y().shape())),
        Dim.of(variant.threads()),
        variant.sharedBytes(call.x().shape().c()),
        parameters);
  }
}
