package dev.catena.graph;

import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Chooses parameters by name: a name, the name of a layer or block, which stands for all below it,
 * or either with {@code *} for any text: {@code layer1}, {@code features.denseblock*}, {@code
 * *.bias}.
 *
 * @param patterns any of which chooses
 */
public record NamePatterns(List<String> patterns) {
  public NamePatterns {
    patterns = List.copyOf(patterns);
  }

  /** Whether {@code name} is chosen. */
  public boolean matches(String name) {
    return patterns.stream().anyMatch(pattern -> matches(pattern, name));
  }

  /** Whether {@code pattern} alone chooses {@code name}. */
  public static boolean matches(String pattern, String name) {
    String regex =
        Stream.of(pattern.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*"));
    return Pattern.matches(regex + "(\\..*)?", name);
  }
}
