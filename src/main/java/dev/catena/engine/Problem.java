package dev.catena.engine;

import dev.catena.graph.Op;
import java.util.List;

/**
 * An operation with the shapes, types and views of its operands: what an engine is asked about, the
 * tuner measures and the conformance suite lists.
 *
 * @param op what to compute
 * @param inputs in the order of {@link Op}
 * @param output where it goes
 */
public record Problem(Op op, List<Operand> inputs, Operand output) {
  public Problem {
    inputs = List.copyOf(inputs);
  }

  /** The input at {@code index}. */
  public Operand input(int index) {
    return inputs.get(index);
  }
}
