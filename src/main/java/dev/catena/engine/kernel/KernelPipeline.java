package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * A convolution cut into blocks of {@code pipeline.cuh}.
 *
 * @param tile of a block
 * @param lines of output pixels in a block, of all images together; 0 for 1x1
 * @param columns of output pixels in a block; 0 for 1x1
 * @param parts blocks that share the channels of one tile; their sums meet in the workspace
 * @param steps in each part, of 64 bytes of channels
 * @param dtype of x and y
 */
record KernelPipeline(KernelTile tile, int lines, int columns, int parts, int steps, DType dtype) {
  private static final int[] PARTS = {1, 2, 3, 4, 6, 8, 12, 16};

  /** To check a tile that is not measured: few parts, of unequal size. */
  private static final int FEW_PARTS = 3;

  private static final String SPLIT = "-parts";

  // What a multiprocessor does in a clock: multiply-adds of mma.sync in 16 bits, and bytes out of
  // L2. In TF32 it is half of that, as is the depth of a step.
  private static final double MULTIPLY_ADDS = 1024;
  private static final double L2_BYTES = 32;

  // Clocks: from a copy's start to its end; a block's start and epilogue; one more launch.
  private static final double LATENCY = 800;
  private static final double BLOCK = 2000;
  private static final double LAUNCH = 3500;

  /** Why no such kernel computes it; empty if one does. */
  static Optional<String> unsupported(Problem problem, Device device) {
    Op.Conv conv = convolution(problem.op()).filter(KernelConvolutions::tiled).orElse(null);
    if (conv == null) {
      return Optional.of("tiles are for 1x1 and padded 3x3 convolutions");
    }
    Operand x = problem.input(0);
    if (!onTensorCores(problem)) {
      return Optional.of("tensor cores take 16-bit types, and fp32 where TF32 is allowed");
    }
    if (!aligned(x)) {
      return Optional.of("x does not begin on 16 bytes");
    }
    if (conv.prologue() == Op.Prologue.SCALE_SHIFT) {
      return Optional.of("a prologue without ReLU");
    }
    if (conv.kernelH() == 3 && conv.stride() != 1) {
      return Optional.of("3x3 with a stride");
    }
    return new KernelLimits(device).pipelines()
        ? Optional.empty()
        : Optional.of("asynchronous copies want compute capability 8.0");
  }

  /** Whether {@code problem} may be multiplied on tensor cores as its input is stored. */
  static boolean onTensorCores(Problem problem) {
    DType dtype = problem.input(0).dtype();
    return problem.output().dtype() == dtype && (dtype != DType.FP32 || problem.tf32());
  }

  /** Whether asynchronous copies may begin where {@code operand} does. */
  static boolean aligned(Operand operand) {
    return operand.firstChannel() * operand.dtype().bytes() % 16 == 0;
  }

  /** The convolution that {@code op} is, with or without statistics. */
  static Optional<Op.Conv> convolution(Op op) {
    return switch (op) {
      case Op.Conv conv -> Optional.of(conv);
      case TrainingOp.ConvStatistics both -> Optional.of(both.conv());
      default -> Optional.empty();
    };
  }

  private static boolean hasStatistics(Problem problem) {
    return problem.op() instanceof TrainingOp.ConvStatistics;
  }

  /** The cut that takes the least time, by arithmetic. */
  static KernelPipeline choose(Problem problem, KernelLimits limits) {
    return choose(problem, limits, _ -> true, _ -> true).orElseThrow();
  }

  /** The same among some tiles and numbers of parts; empty if none of them fits. */
  static Optional<KernelPipeline> choose(
      Problem problem,
      KernelLimits limits,
      Predicate<KernelTile> tiles,
      Predicate<KernelPipeline> cuts) {
    KernelPipeline best = null;
    double least = Double.POSITIVE_INFINITY;
    for (KernelTile tile : KernelTile.of(problem)) {
      if (tiles.test(tile)) {
        for (KernelPipeline cut : cuts(tile, problem)) {
          double clocks = cuts.test(cut) ? cut.clocks(problem, limits) : Double.POSITIVE_INFINITY;
          if (clocks < least) {
            least = clocks;
            best = cut;
          }
        }
      }
    }
    return Optional.ofNullable(best);
  }

  /** Every tile's name, and that of the smallest of each file where it is split. */
  static Stream<String> names() {
    return Stream.of(KernelTile.POINTWISE, KernelTile.THREE)
        .flatMap(
            tiles ->
                Stream.concat(
                    tiles.stream().map(KernelTile::kernel),
                    Stream.of(tiles.getLast().kernel() + SPLIT)));
  }

  /**
   * Every tile that takes the problem. Those that are not mostly empty compete, split where whole
   * ones leave multiprocessors idle.
   *
   * @param compete whether any does
   */
  static List<KernelWay> ways(Problem problem, KernelLimits limits, boolean compete) {
    List<KernelTile> tiles = KernelTile.of(problem);
    int narrowest = tiles.stream().mapToInt(KernelTile::columns).min().orElseThrow();
    int wanted = Math.max(narrowest, problem.output().shape().c());
    List<KernelWay> ways = new ArrayList<>();
    for (KernelTile tile : tiles) {
      Optional<KernelPipeline> whole = choose(problem, limits, tile::equals, cut -> cut.parts == 1);
      boolean full = compete && whole.isPresent() && tile.columns() < 2 * wanted;
      boolean idle =
          full && whole.get().blocks(problem) < (long) tile.resident() * limits.multiprocessors();
      whole.ifPresent(cut -> ways.add(cut.way(problem, full)));
      int most = idle ? Integer.MAX_VALUE : tile.equals(tiles.getLast()) ? FEW_PARTS : 1;
      choose(problem, limits, tile::equals, cut -> cut.parts > 1 && cut.parts <= most)
          .ifPresent(cut -> ways.add(cut.way(problem, idle)));
    }
    return ways;
  }

  KernelWay way(Problem problem, boolean competes) {
    String name = tile.kernel() + (parts > 1 ? SPLIT : "");
    return new KernelWay(name, competes, workspace(problem), this::launches);
  }

  private static List<KernelPipeline> cuts(KernelTile tile, Problem problem) {
    Operand x = problem.input(0);
    int steps = Math.ceilDiv(x.shape().c(), KernelTile.depth(x.dtype()));
    List<KernelPipeline> cuts = new ArrayList<>();
    for (int[] area : areas(tile, problem.output().shape())) {
      for (int parts : PARTS) {
        int each = Math.ceilDiv(steps, parts);
        boolean whole = parts == 1 || !hasStatistics(problem);
        if (whole && Math.ceilDiv(steps, each) == parts) {
          cuts.add(new KernelPipeline(tile, area[0], area[1], parts, each, x.dtype()));
        }
      }
    }
    return cuts;
  }

  /** Lines and columns that have room in the tile. */
  private static List<int[]> areas(KernelTile tile, Shape y) {
    if (tile.edge() == 1) {
      return List.of(new int[2]);
    }
    List<int[]> areas = new ArrayList<>();
    for (int across = Math.ceilDiv(y.w(), tile.rows()); across <= y.w(); across++) {
      int columns = Math.ceilDiv(y.w(), across);
      areas.add(new int[] {Math.min(tile.rows() / columns, y.n() * y.h()), columns});
    }
    return areas;
  }

  private int patchPixels() {
    return tile.edge() == 1 ? tile.rows() : (lines + 2) * (columns + 2);
  }

  private int sharedBytes() {
    return tile.sharedBytes(patchPixels(), steps, dtype);
  }

  /** Shared memory of a block of {@code conv_dgrad.cu}. */
  int gradientSharedBytes() {
    return tile.gradientSharedBytes(patchPixels(), steps);
  }

  /** The blocks of the launch. */
  Dim grid(Shape y) {
    int tiles =
        tile.edge() == 1
            ? Dim.blocks(y.pixels(), tile.rows())
            : Math.ceilDiv(y.n() * y.h(), lines) * Math.ceilDiv(y.w(), columns);
    return Dim.of(tiles, Math.ceilDiv(y.c(), tile.columns()), parts);
  }

  /** Blocks of the launch. */
  long blocks(Problem problem) {
    return grid(problem.output().shape()).count();
  }

  /** Expected time; infinite if it does not fit. */
  private double clocks(Problem problem, KernelLimits limits) {
    int resident = Math.min(tile.resident(), limits.blocks(sharedBytes()));
    if (resident == 0) {
      return Double.POSITIVE_INFINITY;
    }
    Shape y = problem.output().shape();
    double adds =
        (double) tile.rows() * tile.columns() * tile.taps() * KernelTile.depth(DType.FP16);
    double step = Math.max(adds / MULTIPLY_ADDS, tile.stepBytes(patchPixels()) / L2_BYTES);
    double blocks = Math.ceilDiv(grid(y).count(), limits.multiprocessors());
    // Blocks of one multiprocessor hide each other's latency.
    double alone = BLOCK + LATENCY + steps * (step + LATENCY / resident / 4);
    double clocks = Math.max(blocks * (steps * step + BLOCK / resident), alone);
    return parts == 1
        ? clocks
        : clocks + LAUNCH + 2.0 * workspace(problem) / L2_BYTES / limits.multiprocessors();
  }

  /** What the blocks leave of the statistics. */
  private KernelFold moments(Shape y) {
    return new KernelFold(grid(y).x(), 2, y.c());
  }

  /** Bytes of the parts' sums, or of the blocks' statistics. */
  long workspace(Problem problem) {
    if (hasStatistics(problem)) {
      return moments(problem.output().shape()).workspace();
    }
    Shape y = problem.output().shape();
    return parts == 1 ? 0 : parts * y.pixels() * Operand.packedPitch(y.c()) * Float.BYTES;
  }

  List<Launch> launches(KernelCall call) {
    Op.Conv conv = convolution(call.problem().op()).orElseThrow();
    boolean statistics = hasStatistics(call.problem());
    Shape y = call.y().shape();
    long sums = parts == 1 ? 0 : call.binding().workspace();
    var parameters =
        call.convolution(call.x(), call.y())
            .set("sums", sums)
            .set("moments", statistics ? call.binding().workspace() : 0L)
            .set("steps", steps)
            .set("lines", lines)
            .set("columns", columns);
    Dim block = Dim.of(tile.threads());
    Launch tiles =
        call.launch(
            tile.file(),
            tile.kernel(),
            KernelTile.suffix(dtype),
            grid(y),
            block,
            sharedBytes(),
            parameters);
    List<Launch> launches = new ArrayList<>(List.of(tiles));
    if (parts > 1) {
      launches.add(
          call.sum(
              call.y(),
              call.output(),
              sums,
              call.epilogue(conv),
              parts * y.pixels(),
              (int) y.pixels(),
              y.c()));
    }
    if (statistics) {
      Operand target = call.problem().output(1);
      launches.addAll(moments(y).statistics(call, target, call.binding().output(1), cut(y)));
    }
    return launches;
  }

  /** How the pixels of {@code y} meet the blocks. */
  private KernelFold.Cut cut(Shape y) {
    return tile.edge() == 1
        ? new KernelFold.Cut((int) y.pixels(), tile.rows(), 1, 1)
        : new KernelFold.Cut(y.n() * y.h(), lines, y.w(), columns);
  }
}
