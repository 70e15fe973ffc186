package dev.catena.model;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Residual networks by the options in their names: {@code se-} in front puts squeeze and excitation
 * into every block; behind stand {@code -depth} for stochastic depth, an order of activations such
 * as {@code -relu-before-addition}, and a shortcut such as {@code -projection}.
 */
final class ResidualOptions {
  private static final String SQUEEZED = "se-";
  private static final int SQUEEZE = 16;
  private static final float SURVIVAL = 0.5f;

  /** The change that an ending makes, given the new name and the network. */
  @FunctionalInterface
  private interface Change {
    ResidualNetwork of(String name, ResidualNetwork network);
  }

  /** A change, and what of a network it chooses: a name may choose that once. */
  private record Option(String chooses, Change change) {}

  private static final Map<String, Option> ENDINGS = new LinkedHashMap<>();

  static {
    put("-depth", "depth", (name, network) -> network.withSurvival(name, SURVIVAL));
    for (ResidualBlock.Order order : ResidualBlock.Order.values()) {
      put(ending(order), "order", (name, n) -> n.with(name, n.block().withOrder(order)));
    }
    for (ResidualBlock.Shortcut shortcut : ResidualBlock.Shortcut.values()) {
      put(
          ending(shortcut),
          "shortcut",
          (name, n) -> n.with(name, n.block().withShortcut(shortcut)));
    }
  }

  private ResidualOptions() {}

  private static void put(String ending, String chooses, Change change) {
    ENDINGS.put(ending, new Option(chooses, change));
  }

  private static String ending(Enum<?> option) {
    return "-" + option.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The network of that name, if it is one of {@code plain} with options, each given once. */
  static Optional<ResidualNetwork> find(String name, Map<String, ResidualNetwork> plain) {
    return find(name, plain, Set.of());
  }

  private static Optional<ResidualNetwork> find(
      String name, Map<String, ResidualNetwork> plain, Set<String> chosen) {
    if (plain.containsKey(name)) {
      return Optional.of(plain.get(name));
    }
    if (name.startsWith(SQUEEZED) && !chosen.contains(SQUEEZED)) {
      return find(name.substring(SQUEEZED.length()), plain, with(chosen, SQUEEZED))
          .map(n -> n.with(name, n.block().withSqueeze(SQUEEZE)));
    }
    for (Map.Entry<String, Option> ending : ENDINGS.entrySet()) {
      Option option = ending.getValue();
      if (name.endsWith(ending.getKey()) && !chosen.contains(option.chooses())) {
        String rest = name.substring(0, name.length() - ending.getKey().length());
        return find(rest, plain, with(chosen, option.chooses()))
            .map(n -> option.change().of(name, n));
      }
    }
    return Optional.empty();
  }

  private static Set<String> with(Set<String> chosen, String another) {
    Set<String> all = new HashSet<>(chosen);
    all.add(another);
    return all;
  }
}
