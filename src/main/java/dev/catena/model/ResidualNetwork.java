package dev.catena.model;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Network;
import dev.catena.graph.Value;
import java.util.List;

/**
 * Stages of residual blocks; every stage but the first begins with a stride of 2.
 *
 * @param name in the catalogue
 * @param imagenet the stem: 7x7/2 and 3x3/2 pooling, or a 3x3 convolution; with the normalisation
 *     and ReLU that the blocks' order leaves to it
 * @param stemChannels that enter the first stage
 * @param stages width of each block of each stage
 * @param block what a block is
 * @param survival probability of the last block's branch in training; the others' fall to it
 *     linearly from 1, arXiv 1603.09382
 */
public record ResidualNetwork(
    String name,
    boolean imagenet,
    int stemChannels,
    List<List<Integer>> stages,
    ResidualBlock block,
    float survival)
    implements Network {
  public ResidualNetwork {
    stages = stages.stream().map(List::copyOf).toList();
  }

  /** The same network of other blocks. */
  public ResidualNetwork with(String other, ResidualBlock blocks) {
    return new ResidualNetwork(other, imagenet, stemChannels, stages, blocks, survival);
  }

  /** The same network with stochastic depth. */
  public ResidualNetwork withSurvival(String other, float probability) {
    return new ResidualNetwork(other, imagenet, stemChannels, stages, block, probability);
  }

  @Override
  public int channels() {
    return 3;
  }

  @Override
  public int imageSize() {
    return imagenet ? 224 : 32;
  }

  @Override
  public int classes() {
    return imagenet ? 1000 : 10;
  }

  @Override
  public Graph graph(int batch, int height, int width, DType dtype) {
    GraphBuilder g = new GraphBuilder(name, dtype);
    Value x = stem(g, g.input(batch, channels(), height, width));
    int blocks = stages.stream().mapToInt(List::size).sum();
    int built = 0;
    for (int stage = 0; stage < stages.size(); stage++) {
      List<Integer> widths = stages.get(stage);
      for (int i = 0; i < widths.size(); i++) {
        String layer = "layer%d.%d".formatted(stage + 1, i);
        int stride = stage > 0 && i == 0 ? 2 : 1;
        float alive = 1 - (1 - survival) * ++built / blocks;
        x = block.build(g, layer, x, widths.get(i), stride, alive);
      }
    }
    if (block.order().normalisesFirst()) {
      x = g.batchNorm("bn_final", x);
    }
    x = block.order().endsWithRelu() ? x : g.relu("relu_final", x);
    x = g.globalAveragePool("avgpool", x);
    return g.build(g.linear("fc", x, classes()));
  }

  private Value stem(GraphBuilder g, Value images) {
    Value x =
        imagenet
            ? g.conv("conv1", images, stemChannels, 7, 2, 3)
            : g.conv("conv1", images, stemChannels, 3, 1, 1);
    ResidualBlock.Order order = block.order();
    if (order != ResidualBlock.Order.FULL_PREACTIVATION) {
      x = g.batchNorm("bn1", x);
      x = order == ResidualBlock.Order.PYRAMID ? x : g.relu("relu", x);
    }
    return imagenet ? g.maxPool("maxpool", x, 3, 2, 1) : x;
  }
}
