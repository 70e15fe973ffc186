package dev.catena;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * A class that a network sees in an image.
 *
 * @param label its number, from 0
 * @param name its name; {@code class} and the number where names are not known
 * @param logit the network's output
 * @param probability the softmax of the logits at this class
 */
public record Classification(int label, String name, float logit, double probability) {
  /**
   * The classes with the largest logits, the largest first.
   *
   * @param logits of one image
   * @param count how many classes are wanted
   * @param names of all classes, or none
   */
  public static List<Classification> best(float[] logits, int count, List<String> names) {
    double largest = IntStream.range(0, logits.length).mapToDouble(i -> logits[i]).max().orElse(0);
    // Relative to the largest, so that no exponential overflows.
    double sum =
        IntStream.range(0, logits.length).mapToDouble(i -> Math.exp(logits[i] - largest)).sum();
    return IntStream.range(0, logits.length)
        .boxed()
        .sorted((a, b) -> Float.compare(logits[b], logits[a]))
        .limit(count)
        .map(
            i ->
                new Classification(
                    i,
                    names.isEmpty() ? "class " + i : names.get(i),
                    logits[i],
                    Math.exp(logits[i] - largest) / sum))
        .toList();
  }

  /** For people: {@code 91.25 % tabby}. */
  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%6.2f %%  %s", 100 * probability, name);
  }
}
