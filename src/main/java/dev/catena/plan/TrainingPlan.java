package dev.catena.plan;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import java.util.function.ToLongBiFunction;

/**
 * All memory of training.
 *
 * @param step the arena of one step: activations, their gradients, scratch
 * @param state weights, momentum and gradients of parameters
 */
public record TrainingPlan(MemoryPlan step, TrainingState state) {
  /**
   * The plan of a training step.
   *
   * @param step its last outputs are the gradients of its trainable parameters
   * @param dtype in which activations are stored
   * @param workspace as {@link Planner#plan} asks for it
   */
  public static TrainingPlan of(
      Graph step, DType dtype, ToLongBiFunction<Node, Placement> workspace) {
    TrainingState state = TrainingState.of(step, dtype);
    return new TrainingPlan(Planner.plan(step, state.values(), workspace), state);
  }

  /** The same where no step needs scratch memory. */
  public static TrainingPlan of(Graph step, DType dtype) {
    return of(step, dtype, (_, _) -> 0);
  }

  /** Bytes of all. */
  public long bytes() {
    return step.peakBytes() + state.bytes();
  }
}
