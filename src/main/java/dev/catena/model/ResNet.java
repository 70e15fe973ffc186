package dev.catena.model;

import static dev.catena.model.ResidualBlock.Order.ORIGINAL;
import static dev.catena.model.ResidualBlock.Shortcut.PROJECTION;
import static dev.catena.model.ResidualBlock.Shortcut.SUBSAMPLED_ZEROS;

import java.util.Collections;
import java.util.List;

/** Residual networks, He et al., arXiv 1512.03385. Weight names are torchvision's. */
public final class ResNet {
  private ResNet() {}

  /** Table 1: blocks of two 3x3 convolutions in four stages of 64 to 512 channels. */
  public static ResidualNetwork basic(String name, int... blocks) {
    return imagenet(name, 64, ResidualBlock.basic(ORIGINAL, PROJECTION), blocks);
  }

  /** Table 1: bottlenecks in four stages of 256 to 2048 channels. */
  public static ResidualNetwork bottleneck(String name, int... blocks) {
    return imagenet(name, 64, ResidualBlock.bottleneck(ORIGINAL, PROJECTION), blocks);
  }

  /** The same with bottlenecks of twice the width, arXiv 1605.07146. */
  public static ResidualNetwork wide(String name, int... blocks) {
    ResidualBlock wide = ResidualBlock.bottleneck(ORIGINAL, PROJECTION).withExpansion(2);
    return imagenet(name, 128, wide, blocks);
  }

  private static ResidualNetwork imagenet(
      String name, int width, ResidualBlock block, int... blocks) {
    List<List<Integer>> stages =
        List.of(
            Collections.nCopies(blocks[0], width),
            Collections.nCopies(blocks[1], 2 * width),
            Collections.nCopies(blocks[2], 4 * width),
            Collections.nCopies(blocks[3], 8 * width));
    return new ResidualNetwork(name, true, 64, stages, block, 1);
  }

  /** Section 4.2: (depth − 2)/6 blocks of 16, of 32 and of 64 channels, shortcuts of option A. */
  public static ResidualNetwork cifar(int depth) {
    int blocks = (depth - 2) / 6;
    return new ResidualNetwork(
        "resnet-" + depth,
        false,
        16,
        List.of(
            Collections.nCopies(blocks, 16),
            Collections.nCopies(blocks, 32),
            Collections.nCopies(blocks, 64)),
        ResidualBlock.basic(ORIGINAL, SUBSAMPLED_ZEROS),
        1);
  }
}
