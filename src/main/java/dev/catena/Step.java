package dev.catena;

import dev.catena.engine.Problem;

/**
 * One step of a compiled network.
 *
 * @param name of the node
 * @param problem what it computes, with the views that the plan gave
 * @param engine who computes it
 */
@SuppressWarnings("exports") // Problems are internal; reports show them.
public record Step(String name, Problem problem, String engine) {
  /** The operation's name, as in {@link dev.catena.graph.Op}. */
  public String operation() {
    return problem.op().getClass().getSimpleName();
  }

  @Override
  public String toString() {
    return name + ": " + engine;
  }
}
