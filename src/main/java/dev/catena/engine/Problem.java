package dev.catena.engine;

import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Precision;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.stream.Stream;

/**
 * An operation with the shapes, types and views of its operands: what an engine is asked about, the
 * tuner measures and the conformance suite lists.
 *
 * @param op what to compute
 * @param inputs in the order of {@link Op}
 * @param outputs in the order of {@link Op}; most operations have one
 * @param tf32 whether products in fp32 may be of factors rounded to TF32, to ten bits of mantissa
 */
public record Problem(Op op, List<Operand> inputs, List<Operand> outputs, boolean tf32) {
  public Problem {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }

  /** A problem in its operands' full precision. */
  public Problem(Op op, List<Operand> inputs, List<Operand> outputs) {
    this(op, inputs, outputs, false);
  }

  /** The same with one output. */
  public Problem(Op op, List<Operand> inputs, Operand output) {
    this(op, inputs, List.of(output));
  }

  /** The same with or without the permission of TF32, which only a problem in fp32 has. */
  public Problem withTf32(boolean allowed) {
    boolean single = input(0).dtype() == DType.FP32 && output().dtype() == DType.FP32;
    return new Problem(op, inputs, outputs, allowed && single);
  }

  /** Of its first input and its products. */
  public Precision precision() {
    return Precision.of(input(0).dtype(), tf32);
  }

  /** A part of this problem, with its permission of TF32. */
  public Problem part(Op partOp, List<Operand> partInputs, Operand partOutput) {
    return new Problem(partOp, partInputs, partOutput).withTf32(tf32);
  }

  /** The input at {@code index}. */
  public Operand input(int index) {
    return inputs.get(index);
  }

  /** The first output. */
  public Operand output() {
    return outputs.getFirst();
  }

  /** The output at {@code index}. */
  public Operand output(int index) {
    return outputs.get(index);
  }

  /** The inputs, then the outputs. */
  public List<Operand> operands() {
    return Stream.concat(inputs.stream(), outputs.stream()).toList();
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
