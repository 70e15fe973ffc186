package dev.catena.model;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Residual networks by the options in their names: {@code se-} in front puts squeeze and excitation
 * into every block; behind stand {@code -depth} for stochastic depth, an order of activations such
 * as {@code -relu-before-addition}, and a shortcut such as {@code -projection}.
 */
final class ResidualOptions {
  private static final String SQUEEZED = "se-";
  private static final int SQUEEZE = 16;
  private static final float SURVIVAL = 0.5f;

  /** What an ending makes of a network: the new one's name, and the old one. */
  @FunctionalInterface
  private interface Change {
    ResidualNetwork of(String name, ResidualNetwork network);
  }

  private static final Map<String, Change> ENDINGS = new LinkedHashMap<>();

  static {
    ENDINGS.put("-depth", (name, network) -> network.withSurvival(name, SURVIVAL));
    for (ResidualBlock.Order order : ResidualBlock.Order.values()) {
      ENDINGS.put(ending(order), (name, n) -> n.with(name, n.block().withOrder(order)));
    }
    for (ResidualBlock.Shortcut shortcut : ResidualBlock.Shortcut.values()) {
      ENDINGS.put(ending(shortcut), (name, n) -> n.with(name, n.block().withShortcut(shortcut)));
    }
  }

  private ResidualOptions() {}

  private static String ending(Enum<?> option) {
    return "-" + option.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The network of that name, if it is one of {@code plain} with options. */
  static Optional<ResidualNetwork> find(String name, Map<String, Network> plain) {
    if (plain.get(name) instanceof ResidualNetwork network) {
      return Optional.of(network);
    }
    if (name.startsWith(SQUEEZED)) {
      return find(name.substring(SQUEEZED.length()), plain)
          .map(n -> n.with(name, n.block().withSqueeze(SQUEEZE)));
    }
    for (Map.Entry<String, Change> option : ENDINGS.entrySet()) {
      if (name.endsWith(option.getKey())) {
        String rest = name.substring(0, name.length() - option.getKey().length());
        return find(rest, plain).map(n -> option.getValue().of(name, n));
      }
    }
    return Optional.empty();
  }
}
