package dev.catena;

import java.util.List;

/**
 * What a model took from a file of weights.
 *
 * @param taken names of parameters with the file's values
 * @param initialised names of parameters that the file does not have in the network's shape
 * @param left names of the file's tensors that the network does not use
 */
public record LoadedWeights(List<String> taken, List<String> initialised, List<String> left) {
  public LoadedWeights {
    taken = List.copyOf(taken);
    initialised = List.copyOf(initialised);
    left = List.copyOf(left);
  }

  /** For example {@code 159 tensors taken; initialised: fc.weight, fc.bias}. */
  @Override
  public String toString() {
    return taken.size()
        + " tensors taken"
        + (initialised.isEmpty() ? "" : "; initialised: " + String.join(", ", initialised))
        + (left.isEmpty() ? "" : "; left in the file: " + String.join(", ", left));
  }
}
