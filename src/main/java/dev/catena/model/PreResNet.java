package dev.catena.model;

import static dev.catena.model.ResidualBlock.Order.FULL_PREACTIVATION;
import static dev.catena.model.ResidualBlock.Shortcut.PROJECTION;

import java.util.Collections;
import java.util.List;

/**
 * Residual networks whose normalisation and ReLU come before the convolutions. Where a block
 * changes the number of channels, its 1x1 shortcut reads the activated input, as the authors have
 * it.
 */
public final class PreResNet {
  private PreResNet() {}

  /** He et al., arXiv 1603.05027: (depth − 2)/6 blocks a stage. */
  public static ResidualNetwork basic(int depth) {
    return stages("preresnet-" + depth, (depth - 2) / 6, 16, block(false));
  }

  /** He et al., arXiv 1603.05027: (depth − 2)/9 bottlenecks a stage. */
  public static ResidualNetwork bottleneck(int depth) {
    return stages("preresnet-" + depth, (depth - 2) / 9, 16, block(true));
  }

  /** Zagoruyko and Komodakis, arXiv 1605.07146: (depth − 4)/6 blocks a stage, k times as wide. */
  public static ResidualNetwork wide(int depth, int k) {
    return stages("wrn-" + depth + "-" + k, (depth - 4) / 6, 16 * k, block(false));
  }

  private static ResidualBlock block(boolean bottleneck) {
    return bottleneck
        ? ResidualBlock.bottleneck(FULL_PREACTIVATION, PROJECTION)
        : ResidualBlock.basic(FULL_PREACTIVATION, PROJECTION);
  }

  private static ResidualNetwork stages(String name, int blocks, int width, ResidualBlock block) {
    List<List<Integer>> stages =
        List.of(
            Collections.nCopies(blocks, width),
            Collections.nCopies(blocks, 2 * width),
            Collections.nCopies(blocks, 4 * width));
    return new ResidualNetwork(name, false, 16, stages, block, 1);
  }
}
