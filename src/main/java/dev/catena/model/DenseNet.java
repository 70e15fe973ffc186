package dev.catena.model;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Network;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Densely connected networks, Huang et al., arXiv 1608.06993. Weight names are torchvision's.
 *
 * @param name in the catalogue
 * @param blocks layers of each dense block
 * @param growth k: channels that a layer adds
 * @param stemChannels channels that enter the first block
 * @param bottleneck whether a layer has a 1x1 convolution to 4k channels before its 3x3
 * @param compression θ: the share of channels that a transition keeps
 * @param imagenet the stem: 7x7/2 with batch normalisation and 3x3/2 pooling, or a 3x3 convolution
 * @param dropout probability after each convolution in training
 */
public record DenseNet(
    String name,
    List<Integer> blocks,
    int growth,
    int stemChannels,
    boolean bottleneck,
    double compression,
    boolean imagenet,
    float dropout)
    implements Network {
  private static final int BOTTLENECK_WIDTH = 4;
  private static final int DEEPEST = 4000;
  private static final Pattern NAME =
      Pattern.compile("densenet-(bc-)?([1-9]\\d{1,3})-([1-9]\\d{0,2})");

  public DenseNet {
    blocks = List.copyOf(blocks);
  }

  /** The ImageNet form: bottlenecks, compression ½. */
  public static DenseNet imagenet(String name, int growth, int stemChannels, Integer... blocks) {
    return new DenseNet(name, List.of(blocks), growth, stemChannels, true, 0.5, true, 0);
  }

  /** The CIFAR form without bottlenecks: three blocks of (depth − 4)/3 layers. */
  public static DenseNet cifar(int depth, int growth) {
    int layers = (depth - 4) / 3;
    String name = "densenet-" + depth + "-" + growth;
    return new DenseNet(name, List.of(layers, layers, layers), growth, 16, false, 1, false, 0);
  }

  /** The CIFAR form BC: bottlenecks, compression ½, three blocks of (depth − 4)/6 layers. */
  public static DenseNet cifarBC(int depth, int growth) {
    int layers = (depth - 4) / 6;
    String name = "densenet-bc-" + depth + "-" + growth;
    List<Integer> blocks = List.of(layers, layers, layers);
    return new DenseNet(name, blocks, growth, 2 * growth, true, 0.5, false, 0);
  }

  /**
   * The CIFAR forms of any depth by their papers' names: densenet-40-12, densenet-bc-1000-12. Empty
   * if the name is another, its layers do not make three equal blocks, or are more than 4,000.
   */
  static Optional<DenseNet> named(String name) {
    Matcher parts = NAME.matcher(name);
    if (!parts.matches()) {
      return Optional.empty();
    }
    boolean bottleneck = parts.group(1) != null;
    int depth = Integer.parseInt(parts.group(2));
    int growth = Integer.parseInt(parts.group(3));
    return depth > DEEPEST || (depth - 4) % (bottleneck ? 6 : 3) != 0
        ? Optional.empty()
        : Optional.of(bottleneck ? cifarBC(depth, growth) : cifar(depth, growth));
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
    for (int block = 1; block <= blocks.size(); block++) {
      x = denseBlock(g, "features.denseblock" + block, x, blocks.get(block - 1));
      if (block < blocks.size()) {
        x = transition(g, "features.transition" + block, x);
      }
    }
    x = g.batchNorm("features.norm" + (blocks.size() + 1), x);
    x = g.relu("features.relu" + (blocks.size() + 1), x);
    x = g.globalAveragePool("pool", x);
    return g.build(g.linear("classifier", x, classes()));
  }

  private Value stem(GraphBuilder g, Value images) {
    if (!imagenet) {
      return g.conv("features.conv0", images, stemChannels, 3, 1, 1);
    }
    Value x = g.conv("features.conv0", images, stemChannels, 7, 2, 3);
    x = g.relu("features.relu0", g.batchNorm("features.norm0", x));
    return g.maxPool("features.pool0", x, 3, 2, 1);
  }

  private Value denseBlock(GraphBuilder g, String block, Value x, int layers) {
    List<Value> features = new ArrayList<>(List.of(x));
    for (int layer = 1; layer <= layers; layer++) {
      String name = block + ".denselayer" + layer;
      features.add(denseLayer(g, name, g.concat(name + ".concat", features)));
    }
    return g.concat(block + ".concat", features);
  }

  private Value denseLayer(GraphBuilder g, String layer, Value x) {
    Value z = g.relu(layer + ".relu1", g.batchNorm(layer + ".norm1", x));
    if (bottleneck) {
      z = g.conv(layer + ".conv1", z, BOTTLENECK_WIDTH * growth, 1, 1, 0);
      z = g.dropout(layer + ".dropout1", z, dropout);
      z = g.relu(layer + ".relu2", g.batchNorm(layer + ".norm2", z));
    }
    z = g.conv(layer + (bottleneck ? ".conv2" : ".conv1"), z, growth, 3, 1, 1);
    return g.dropout(layer + ".dropout", z, dropout);
  }

  private Value transition(GraphBuilder g, String transition, Value x) {
    x = g.relu(transition + ".relu", g.batchNorm(transition + ".norm", x));
    x = g.conv(transition + ".conv", x, (int) (x.shape().c() * compression), 1, 1, 0);
    x = g.dropout(transition + ".dropout", x, dropout);
    return g.averagePool(transition + ".pool", x, 2, 2, 0);
  }
}
