package dev.catena.plan;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;

/**
 * All memory of training.
 *
 * @param step the arena of one step: activations, their gradients, scratch
 * @param state weights, momentum and gradients of parameters
 */
public record TrainingPlan(MemoryPlan step, TrainingState state) {
  /**
   * The plan of a training step where none of it needs scratch memory.
   *
   * @param step its last outputs are the gradients of its trainable parameters
   * @param dtype in which activations are stored
   */
  public static TrainingPlan of(Graph step, DType dtype) {
    TrainingState state = TrainingState.of(step, dtype);
    return new TrainingPlan(Planner.plan(step, state.values(), _ -> 0), state);
  }

  /** Bytes of all. */
  public long bytes() {
    return step.peakBytes() + state.bytes();
  }
}
