package dev.catena.engine.kernel;

import dev.catena.device.Device;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.LaunchWork;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Convolutions on one tile of {@code pipeline.cuh}, whatever the shape: named {@code
 * conv1x1_64x128}, or {@code conv1x1_64x128-parts} where it splits the channels.
 */
final class KernelTileEngine implements Engine {
  /** To check: few parts, of unequal size. */
  private static final int FEW_PARTS = 3;

  private final KernelTile tile;
  private final int mostParts;

  private KernelTileEngine(KernelTile tile, int mostParts) {
    this.tile = tile;
    this.mostParts = mostParts;
  }

  /** Every tile once, and the smallest of each list split. To check them. */
  static List<Engine> all() {
    List<Engine> engines = new ArrayList<>();
    for (List<KernelTile> tiles : List.of(KernelTile.POINTWISE, KernelTile.THREE)) {
      tiles.forEach(tile -> engines.add(new KernelTileEngine(tile, 1)));
      engines.add(new KernelTileEngine(tiles.getLast(), FEW_PARTS));
    }
    return engines;
  }

  /**
   * Those that may be the fastest on a problem that {@link KernelPipeline} supports: tiles that are
   * not mostly empty, split where whole ones leave multiprocessors idle.
   */
  static List<Engine> candidates(Problem problem, KernelLimits limits) {
    List<KernelTile> tiles = KernelTile.of(problem);
    int narrowest = tiles.stream().mapToInt(KernelTile::columns).min().orElseThrow();
    int wanted = Math.max(narrowest, problem.output().shape().c());
    List<Engine> engines = new ArrayList<>();
    for (KernelTile tile : tiles) {
      KernelTileEngine whole = new KernelTileEngine(tile, 1);
      Optional<KernelPipeline> cut = whole.cut(problem, limits);
      if (cut.isPresent() && tile.columns() < 2 * wanted) {
        engines.add(whole);
        KernelTileEngine split = new KernelTileEngine(tile, Integer.MAX_VALUE);
        boolean idle =
            cut.get().blocks(problem) < (long) tile.resident() * limits.multiprocessors();
        if (idle && split.cut(problem, limits).isPresent()) {
          engines.add(split);
        }
      }
    }
    return engines;
  }

  @Override
  public String name() {
    return tile.kernel() + (mostParts > 1 ? "-parts" : "");
  }

  @Override
  public Optional<String> unsupported(Problem problem, Device device) {
    Optional<String> reason = KernelPipeline.unsupported(problem, device);
    return reason.isPresent() || cut(problem, device).isPresent()
        ? reason
        : Optional.of("another kernel's tile, or too few channels to split");
  }

  private Optional<KernelPipeline> cut(Problem problem, Device device) {
    return cut(problem, new KernelLimits(device));
  }

  private Optional<KernelPipeline> cut(Problem problem, KernelLimits limits) {
    return KernelPipeline.choose(
        problem,
        limits,
        tile::equals,
        cut -> mostParts == 1 ? cut.parts() == 1 : cut.parts() > 1 && cut.parts() <= mostParts);
  }

  @Override
  public long workspace(Problem problem, Device device) {
    return cut(problem, device).orElseThrow().workspace(problem);
  }

  @Override
  public Work prepare(Problem problem, Binding binding, Device device) {
    return new LaunchWork(
        cut(problem, device).orElseThrow().launches(new KernelCall(problem, binding, device)));
  }
}
