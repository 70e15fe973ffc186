package dev.catena;

/**
 * The engine of a step.
 *
 * @param step its name in the graph
 * @param engine that computes it
 */
public record StepEngine(String step, String engine) {
  @Override
  public String toString() {
    return step + ": " + engine;
  }
}
