package dev.catena.model;

import dev.catena.graph.Network;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** The networks by name. */
public final class Catalogue {
  private static final Map<String, Network> NETWORKS = new LinkedHashMap<>();

  /** Residual networks without options in their names. */
  private static final Map<String, ResidualNetwork> PLAIN = new HashMap<>();

  static {
    add(DenseNet.imagenet("densenet121", 32, 64, 6, 12, 24, 16));
    add(DenseNet.imagenet("densenet169", 32, 64, 6, 12, 32, 32));
    add(DenseNet.imagenet("densenet201", 32, 64, 6, 12, 48, 32));
    add(DenseNet.imagenet("densenet161", 48, 96, 6, 12, 36, 24));
    add(DenseNet.imagenet("densenet264", 32, 64, 6, 12, 64, 48));
    add(DenseNet.cifar(40, 12));
    add(DenseNet.cifar(100, 12));
    add(DenseNet.cifar(100, 24));
    add(DenseNet.cifarBC(40, 12));
    add(DenseNet.cifarBC(100, 12));
    add(DenseNet.cifarBC(250, 24));
    add(DenseNet.cifarBC(190, 40));

    add(ResNet.basic("resnet18", 2, 2, 2, 2));
    add(ResNet.basic("resnet34", 3, 4, 6, 3));
    add(ResNet.bottleneck("resnet50", 3, 4, 6, 3));
    add(ResNet.bottleneck("resnet101", 3, 4, 23, 3));
    add(ResNet.bottleneck("resnet152", 3, 8, 36, 3));
    add(ResNet.wide("wide_resnet50_2", 3, 4, 6, 3));
    IntStream.of(20, 32, 44, 56, 110, 1202).forEach(depth -> add(ResNet.cifar(depth)));
    add(PreResNet.basic(110));
    add(PreResNet.bottleneck(164));
    add(PreResNet.bottleneck(1001));
    add(PreResNet.wide(16, 4));
    add(PreResNet.wide(40, 4));
    add(PreResNet.wide(16, 8));
    add(PreResNet.wide(28, 10));
    IntStream.of(48, 84, 270).forEach(alpha -> add(PyramidNet.basic(110, alpha)));
    add(PyramidNet.bottleneck(164, 270));
    add(PyramidNet.multiplicative(110, 48));
    residual("pyramidnet-110-a48-projection");
    residual("pyramidnet-110-a84-projection");
    residual("pyramidnet-110-a270-projection");
    residual("resnet-110-bn-after-addition");
    residual("resnet-110-relu-before-addition");
    residual("resnet-110-relu-only-preactivation");
    residual("resnet-110-depth");
    residual("preresnet-110-depth");
    residual("se-resnet50");
    residual("se-resnet-20");
    residual("se-resnet-110");
    residual("se-preresnet-110");
    residual("se-wrn-16-4");
    residual("se-pyramidnet-110-a48");

    add(new AlexNet("alexnet-original", true));
    add(new AlexNet("alexnet", false));
    vgg("vgg11", 1, 1, 2, 2, 2);
    vgg("vgg13", 2, 2, 2, 2, 2);
    vgg("vgg16", 2, 2, 3, 3, 3);
    vgg("vgg19", 2, 2, 4, 4, 4);
    add(new GoogLeNet("googlenet"));
  }

  private static void residual(String name) {
    NETWORKS.put(name, ResidualOptions.find(name, PLAIN).orElseThrow());
  }

  private static void vgg(String name, Integer... convolutions) {
    add(new Vgg(name, List.of(convolutions), false));
    add(new Vgg(name + "_bn", List.of(convolutions), true));
  }

  private Catalogue() {}

  /** All networks, in the order of the papers. */
  public static List<Network> all() {
    return List.copyOf(NETWORKS.values());
  }

  /**
   * The network of that name: one of {@link #all}, a CIFAR DenseNet of any depth, or a residual one
   * of these with options in its name. {@code se-} in front means squeeze and excitation; behind
   * stand {@code -depth} for stochastic depth, a {@linkplain ResidualBlock.Order order} of
   * activations such as {@code -relu-before-addition}, and a {@linkplain ResidualBlock.Shortcut
   * shortcut} such as {@code -projection} or {@code -averaged-zeros}.
   */
  public static Optional<Network> find(String name) {
    return Optional.ofNullable(NETWORKS.get(name))
        .or(() -> DenseNet.named(name).map(Network.class::cast))
        .or(() -> ResidualOptions.find(name, PLAIN));
  }

  /** The three names closest to {@code name} by edit distance, closest first. */
  public static List<String> nearest(String name) {
    return NETWORKS.keySet().stream()
        .sorted(Comparator.comparingInt(candidate -> distance(candidate, name)))
        .limit(3)
        .toList();
  }

  private static void add(Network network) {
    NETWORKS.put(network.name(), network);
    if (network instanceof ResidualNetwork plain) {
      PLAIN.put(plain.name(), plain);
    }
  }

  /** Levenshtein's distance. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substituted, 1 + Math.min(row[j - 1], diagonal));
      }
    }
    return row[b.length()];
  }
}
