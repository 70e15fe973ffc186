package dev.catena.cli;

import dev.catena.report.Json;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * The most probable classes.
 *
 * @param names of all classes, or none
 * @param top how many are wanted
 */
record Ranking(List<String> names, int top) {
  /** A class and the softmax probability that the network gives it. */
  record Place(@Json.Name("class") int index, String label, float logit, double probability) {
    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%6.2f %%  %s", 100 * probability, label);
    }
  }

  /** The classes with the largest logits, the largest first. */
  List<Place> best(float[] logits) {
    double largest = IntStream.range(0, logits.length).mapToDouble(i -> logits[i]).max().orElse(0);
    // Relative to the largest, so that no exponential overflows.
    double sum =
        IntStream.range(0, logits.length).mapToDouble(i -> Math.exp(logits[i] - largest)).sum();
    return IntStream.range(0, logits.length)
        .boxed()
        .sorted((a, b) -> Float.compare(logits[b], logits[a]))
        .limit(top)
        .map(i -> new Place(i, name(i), logits[i], Math.exp(logits[i] - largest) / sum))
        .toList();
  }

  private String name(int index) {
    return names.isEmpty() ? "class " + index : names.get(index);
  }
}
