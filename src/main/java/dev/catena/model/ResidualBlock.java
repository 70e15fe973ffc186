package dev.catena.model;

import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Op;
import dev.catena.graph.Value;

/**
 * A residual block, y = branch(x) + shortcut(x), He et al., arXiv 1512.03385, and the choices that
 * its successors made. Names are torchvision's.
 *
 * @param order where normalisation and ReLU stand
 * @param bottleneck whether the branch is 1x1, 3x3, 1x1 rather than 3x3, 3x3
 * @param expansion channels that a block gives for each of its width
 * @param shortcut what x goes through where the block changes its shape
 * @param shortcutScale what the shortcut is multiplied by
 * @param squeeze channels for each one of the squeezed branch, arXiv 1709.01507; 0: none
 */
public record ResidualBlock(
    Order order,
    boolean bottleneck,
    int expansion,
    Shortcut shortcut,
    float shortcutScale,
    int squeeze) {

  /** Activation orders of He et al., arXiv 1603.05027, figure 4, and PyramidNet's. */
  public enum Order {
    /** conv-BN-ReLU-conv-BN, addition, ReLU. */
    ORIGINAL,
    /** conv-BN-ReLU-conv, addition, BN-ReLU. */
    BN_AFTER_ADDITION,
    /** conv-BN-ReLU-conv-BN-ReLU, addition. */
    RELU_BEFORE_ADDITION,
    /** ReLU-conv-BN-ReLU-conv-BN, addition. */
    RELU_ONLY_PREACTIVATION,
    /** BN-ReLU-conv-BN-ReLU-conv, addition. */
    FULL_PREACTIVATION,
    /** BN-conv-BN-ReLU-conv-BN, addition: arXiv 1610.02915, figure 6d. */
    PYRAMID;

    /** True if a normalisation stands before each convolution rather than after it. */
    boolean normalisesFirst() {
      return this == FULL_PREACTIVATION || this == PYRAMID;
    }

    /** True if the sum is an activation that a next layer can take as it is. */
    boolean endsWithRelu() {
      return this == ORIGINAL || this == BN_AFTER_ADDITION;
    }
  }

  /** The shortcut where the block changes the shape. */
  public enum Shortcut {
    /** A 1x1 convolution. */
    PROJECTION,
    /** Every second pixel, and zero channels: option A of arXiv 1512.03385. */
    SUBSAMPLED_ZEROS,
    /** The mean of 2x2 pixels, and zero channels: arXiv 1610.02915. */
    AVERAGED_ZEROS
  }

  /** Two 3x3 convolutions. */
  public static ResidualBlock basic(Order order, Shortcut shortcut) {
    return new ResidualBlock(order, false, 1, shortcut, 1, 0);
  }

  /** 1x1, 3x3 and 1x1, four channels for each of the width. */
  public static ResidualBlock bottleneck(Order order, Shortcut shortcut) {
    return new ResidualBlock(order, true, 4, shortcut, 1, 0);
  }

  /** The same with another expansion. */
  public ResidualBlock withExpansion(int channels) {
    return new ResidualBlock(order, bottleneck, channels, shortcut, shortcutScale, squeeze);
  }

  /** The same in another order. */
  public ResidualBlock withOrder(Order other) {
    return new ResidualBlock(other, bottleneck, expansion, shortcut, shortcutScale, squeeze);
  }

  /** The same with another shortcut. */
  public ResidualBlock withShortcut(Shortcut other) {
    return new ResidualBlock(order, bottleneck, expansion, other, shortcutScale, squeeze);
  }

  /** The same with the shortcut multiplied by {@code factor}. */
  public ResidualBlock withShortcutScale(float factor) {
    return new ResidualBlock(order, bottleneck, expansion, shortcut, factor, squeeze);
  }

  /** The same with squeeze and excitation. */
  public ResidualBlock withSqueeze(int ratio) {
    return new ResidualBlock(order, bottleneck, expansion, shortcut, shortcutScale, ratio);
  }

  /**
   * The block's layers.
   *
   * @param width of its 3x3 convolutions
   * @param survival probability of the branch in training, arXiv 1603.09382
   */
  Value build(GraphBuilder g, String block, Value x, int width, int stride, float survival) {
    int outputs = width * expansion;
    boolean reshapes = stride != 1 || x.shape().c() != outputs;
    int convolutions = bottleneck ? 3 : 2;
    boolean shared = reshapes && order == Order.FULL_PREACTIVATION;
    Value first = shared ? activate(g, block, 1, x) : x;
    Value skip = reshapes ? shortcut(g, block, shared ? first : x, outputs, stride) : x;
    if (shortcutScale != 1) {
      skip = g.scale(block + ".shortcut.scale", skip, shortcutScale);
    }

    Value z = first;
    for (int i = 1; i <= convolutions; i++) {
      boolean last = i == convolutions;
      z = shared && i == 1 ? z : activate(g, block, i, z);
      boolean three = !bottleneck || i == 2;
      boolean strides = i == (bottleneck ? 2 : 1);
      z =
          g.conv(
              block + ".conv" + i,
              z,
              last ? outputs : width,
              three ? 3 : 1,
              strides ? stride : 1,
              three ? 1 : 0);
      z = normalise(g, block, i, z, last);
    }
    z = squeeze == 0 ? z : excite(g, block + ".se", z);
    z = g.stochasticDepth(block + ".depth", z, survival);
    Value sum = g.add(block + ".add", z, skip);
    if (order == Order.BN_AFTER_ADDITION) {
      sum = g.batchNorm(block + ".bn" + convolutions, sum);
    }
    return order.endsWithRelu() ? g.relu(block + ".relu", sum) : sum;
  }

  /** Adds the layers before convolution {@code i}. */
  private Value activate(GraphBuilder g, String block, int i, Value x) {
    Value z = order.normalisesFirst() ? g.batchNorm(block + ".bn" + i, x) : x;
    boolean rectified =
        switch (order) {
          case ORIGINAL, BN_AFTER_ADDITION, RELU_BEFORE_ADDITION, PYRAMID -> i > 1;
          case RELU_ONLY_PREACTIVATION, FULL_PREACTIVATION -> true;
        };
    return rectified ? g.relu(block + ".relu" + i, z) : z;
  }

  /** Adds the layers after convolution {@code i}, up to the ReLU before the next. */
  private Value normalise(GraphBuilder g, String block, int i, Value z, boolean last) {
    return switch (order) {
      case ORIGINAL, RELU_ONLY_PREACTIVATION -> g.batchNorm(block + ".bn" + i, z);
      case BN_AFTER_ADDITION -> last ? z : g.batchNorm(block + ".bn" + i, z);
      case RELU_BEFORE_ADDITION -> {
        Value n = g.batchNorm(block + ".bn" + i, z);
        yield last ? g.relu(block + ".relu", n) : n;
      }
      case FULL_PREACTIVATION -> z;
      case PYRAMID -> last ? g.batchNorm(block + ".bn" + (i + 1), z) : z;
    };
  }

  private Value shortcut(GraphBuilder g, String block, Value x, int outputs, int stride) {
    String name = block + ".downsample";
    if (shortcut == Shortcut.PROJECTION) {
      Value projected = g.conv(name + ".0", x, outputs, 1, stride, 0);
      return order == Order.FULL_PREACTIVATION ? projected : g.batchNorm(name + ".1", projected);
    }
    if (stride == 2) {
      x =
          shortcut == Shortcut.SUBSAMPLED_ZEROS
              ? g.subsample(name + ".pool", x)
              : g.ceilAveragePool(name + ".pool", x, 2, 2, 0);
    }
    return g.padChannels(name + ".pad", x, outputs);
  }

  private Value excite(GraphBuilder g, String se, Value x) {
    int channels = x.shape().c();
    Op.Conv gate = Op.Conv.of(1, 1, 0).withEpilogue(true, false);
    Value s = g.globalAveragePool(se + ".pool", x);
    s = g.relu(se + ".relu", g.conv(se + ".fc1", s, Math.max(1, channels / squeeze), gate));
    s = g.sigmoid(se + ".sigmoid", g.conv(se + ".fc2", s, channels, gate));
    return g.scaleChannels(se, x, s);
  }
}
