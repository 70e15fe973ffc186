package dev.catena.model;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The networks by name. */
public final class Catalogue {
  private static final Map<String, Network> NETWORKS = new LinkedHashMap<>();

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
  }

  private Catalogue() {}

  /** All networks, in the order of the papers. */
  public static List<Network> all() {
    return List.copyOf(NETWORKS.values());
  }

  /** The network of that name. */
  public static Optional<Network> find(String name) {
    return Optional.ofNullable(NETWORKS.get(name));
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
