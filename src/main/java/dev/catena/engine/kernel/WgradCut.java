package dev.catena.engine.kernel;

import dev.catena.engine.Problem;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A gradient by filters cut into blocks of conv_wgrad.cu on tensor cores.
 *
 * @param tile of a block
 * @param lines of pixels in a step, of all images together; 0 for 1x1
 * @param columns of pixels in a step; 0 for 1x1
 */
record WgradCut(Tile tile, int lines, int columns) {
  /**
   * What one compiled variant makes at once.
   *
   * @param edge of the convolution's kernel, 1 or 3
   * @param rows filters
   * @param columns channels
   * @param threads of the block
   * @param resident blocks on a multiprocessor, as far as registers go
   */
  record Tile(int edge, int rows, int columns, int threads, int resident) {
    String kernel() {
      return "conv" + edge + "x" + edge + "_wgrad_" + rows + "x" + columns;
    }

    /** Pixels of a step at most. */
    int pixels() {
      return edge == 1 ? 32 : 128;
    }

    int stages() {
      return edge == 1 ? 4 : 2;
    }
  }

  /** Every variant. */
  static final List<Tile> TILES =
      List.of(
          new Tile(1, 128, 128, 256, 2),
          new Tile(1, 128, 64, 256, 2),
          new Tile(1, 64, 64, 128, 4),
          new Tile(3, 32, 64, 256, 1),
          new Tile(3, 16, 64, 256, 2));

  private static final int ELEMENT_BYTES = 2;
  private static final int ZEROS_BYTES = 128;

  // What a multiprocessor does in a clock: multiply-adds of mma.sync, bytes out of L2.
  private static final double MULTIPLY_ADDS = 1024;
  private static final double L2_BYTES = 32;

  /** The cut among some tiles that takes the least time, by arithmetic; empty if none fits. */
  static Optional<WgradCut> choose(
      Problem problem, Op.Conv conv, KernelLimits limits, Predicate<Tile> tiles) {
    return TILES.stream()
        .filter(tile -> tile.edge() == conv.kernelH() && tiles.test(tile))
        .flatMap(tile -> of(tile, problem, limits).stream())
        .min(Comparator.comparingDouble(cut -> cut.clocks(problem)));
  }

  /** The best cut into blocks of {@code tile}; empty if none fits. */
  static Optional<WgradCut> of(Tile tile, Problem problem, KernelLimits limits) {
    return areas(tile, problem.input(0).shape()).stream()
        .map(area -> new WgradCut(tile, area[0], area[1]))
        .filter(cut -> limits.blocks(cut.sharedBytes()) > 0)
        .min(Comparator.comparingDouble(cut -> cut.clocks(problem)));
  }

  private static List<int[]> areas(Tile tile, Shape g) {
    if (tile.edge() == 1) {
      return List.of(new int[2]);
    }
    List<int[]> areas = new ArrayList<>();
    for (int across = Math.ceilDiv(g.w(), tile.pixels()); across <= g.w(); across++) {
      int columns = Math.ceilDiv(g.w(), across);
      areas.add(new int[] {Math.min(tile.pixels() / columns, g.n() * g.h()), columns});
    }
    return areas;
  }

  /** Steps over all pixels of g. */
  long steps(Shape g) {
    return tile.edge() == 1
        ? Math.ceilDiv(g.pixels(), tile.pixels())
        : (long) Math.ceilDiv(g.n() * g.h(), lines) * Math.ceilDiv(g.w(), columns);
  }

  /** Blocks that make all filters and channels. */
  long tiles(Problem problem) {
    Shape dw = problem.output().shape();
    return (long) Math.ceilDiv(dw.dim(0), tile.rows()) * Math.ceilDiv(dw.dim(1), tile.columns());
  }

  private int patchPixels() {
    return tile.edge() == 1 ? tile.pixels() : (lines + 2) * (columns + 2);
  }

  private int stageBytes() {
    return (patchPixels() * tile.columns() + tile.pixels() * tile.rows()) * ELEMENT_BYTES;
  }

  /** Shared memory of a block: zeros, stages. */
  int sharedBytes() {
    return ZEROS_BYTES + tile.stages() * stageBytes();
  }

  /** Of all blocks on one multiprocessor. */
  private double clocks(Problem problem) {
    int pixels = tile.edge() == 1 ? tile.pixels() : Math.ceilDiv(lines * columns, 32) * 32;
    double adds = (double) tile.edge() * tile.edge() * pixels * tile.rows() * tile.columns();
    double step = Math.max(adds / MULTIPLY_ADDS, stageBytes() / L2_BYTES);
    return steps(problem.input(0).shape()) * tiles(problem) * step;
  }
}
