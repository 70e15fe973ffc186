package dev.catena.model;

import static dev.catena.model.ResidualBlock.Order.PYRAMID;
import static dev.catena.model.ResidualBlock.Shortcut.AVERAGED_ZEROS;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/**
 * Deep pyramidal residual networks, Han et al., arXiv 1610.02915: every block is a little wider
 * than the one before.
 */
public final class PyramidNet {
  private static final int STAGES = 3;
  private static final int FIRST = 16;

  private PyramidNet() {}

  /** Equation 2: block i of N has 16 + α·i/N channels; (depth − 2)/6 blocks a stage. */
  public static ResidualNetwork basic(int depth, int alpha) {
    int blocks = (depth - 2) / 6;
    return additive("pyramidnet-" + depth + "-a" + alpha, blocks, alpha, false);
  }

  /** The same with bottlenecks, (depth − 2)/9 a stage. */
  public static ResidualNetwork bottleneck(int depth, int alpha) {
    int blocks = (depth - 2) / 9;
    return additive("pyramidnet-bottleneck-" + depth + "-a" + alpha, blocks, alpha, true);
  }

  /** Equation 3: block i of N has 16·((16 + α)/16)^(i/N) channels, as wide at the end. */
  public static ResidualNetwork multiplicative(int depth, int alpha) {
    int blocks = (depth - 2) / 6;
    double all = STAGES * blocks;
    return network(
        "pyramidnet-" + depth + "-m" + alpha,
        blocks,
        i -> FIRST * Math.pow((FIRST + alpha) / (double) FIRST, i / all),
        false);
  }

  private static ResidualNetwork additive(String name, int blocks, int alpha, boolean bottleneck) {
    double all = STAGES * blocks;
    return network(name, blocks, i -> FIRST + alpha * i / all, bottleneck);
  }

  private static ResidualNetwork network(
      String name, int blocks, IntToDoubleFunction width, boolean bottleneck) {
    List<List<Integer>> stages = new ArrayList<>();
    for (int stage = 0; stage < STAGES; stage++) {
      List<Integer> widths = new ArrayList<>();
      for (int i = 1; i <= blocks; i++) {
        widths.add(Math.toIntExact(Math.round(width.applyAsDouble(stage * blocks + i))));
      }
      stages.add(widths);
    }
    ResidualBlock block =
        bottleneck
            ? ResidualBlock.bottleneck(PYRAMID, AVERAGED_ZEROS)
            : ResidualBlock.basic(PYRAMID, AVERAGED_ZEROS);
    return new ResidualNetwork(name, false, FIRST, stages, block, 1);
  }
}
