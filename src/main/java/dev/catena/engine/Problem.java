package dev.catena.engine;

import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.stream.Stream;

/**
 * An operation with the shapes, types and views of its operands: what an engine is asked about, the
 * tuner measures and the conformance suite lists.
 *
 * @param op what to compute
 * @param inputs in the order of {@link Op}
 * @param output where it goes
 * @param byproducts where the rest goes, in the order of {@link Op}; of few operations
 */
public record Problem(Op op, List<Operand> inputs, Operand output, List<Operand> byproducts) {
  public Problem {
    inputs = List.copyOf(inputs);
    byproducts = List.copyOf(byproducts);
  }

  /** A problem without by-products. */
  public Problem(Op op, List<Operand> inputs, Operand output) {
    this(op, inputs, output, List.of());
  }

  /** The input at {@code index}. */
  public Operand input(int index) {
    return inputs.get(index);
  }

  /** The inputs, the output and the by-products. */
  public List<Operand> operands() {
    return Stream.concat(inputs.stream(), outputs()).toList();
  }

  private Stream<Operand> outputs() {
    return Stream.concat(Stream.of(output), byproducts.stream());
  }

  /**
   * Whether it is part of a training step: weights or vectors over channels change on the device
   * from step to step, so nobody can pack them beforehand.
   */
  public boolean trains() {
    return op instanceof TrainingOp || inputs.stream().anyMatch(Problem::changes);
  }

  private static boolean changes(Operand input) {
    return input.layout() == Layout.FILTERS || input.layout() == Layout.DENSE;
  }
}
