package dev.catena.engine;

import dev.catena.device.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Convolutions on one tile of {@code pipeline.cuh}, whatever the shape: named {@code
 * conv1x1_64x128}, or {@code conv1x1_64x128-parts} where it splits the channels.
 */
final class KernelTileEngine implements Engine {
  private static final int PARTS = 3;

  private final KernelTile tile;
  private final boolean split;

  private KernelTileEngine(KernelTile tile, boolean split) {
    this.tile = tile;
    this.split = split;
  }

  /** Every tile once, and the smallest of each list split. */
  static List<Engine> all() {
    List<Engine> engines = new ArrayList<>();
    for (List<KernelTile> tiles : List.of(KernelTile.POINTWISE, KernelTile.THREE)) {
      tiles.forEach(tile -> engines.add(new KernelTileEngine(tile, false)));
      engines.add(new KernelTileEngine(tiles.getLast(), true));
    }
    return engines;
  }

  @Override
  public String name() {
    return tile.kernel() + (split ? "-parts" : "");
  }

  @Override
  public Optional<String> unsupported(Problem problem, Device device) {
    Optional<String> reason = KernelPipeline.unsupported(problem, device);
    return reason.isPresent() || cut(problem, device).isPresent()
        ? reason
        : Optional.of("another kernel's tile, or too few channels to split");
  }

  private Optional<KernelPipeline> cut(Problem problem, Device device) {
    return KernelPipeline.choose(
        problem,
        new KernelLimits(device),
        tile::equals,
        cut -> split ? cut.parts() > 1 && cut.parts() <= PARTS : cut.parts() == 1);
  }

  @Override
  public long workspace(Problem problem, Device device) {
    return cut(problem, device).orElseThrow().workspace(problem);
  }

  @Override
  public Work prepare(Problem problem, Binding binding, Device device) {
    return new KernelWork(
        cut(problem, device).orElseThrow().launches(new KernelCall(problem, binding, device)));
  }
}
