package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Evaluator;
import java.util.Arrays;
import java.util.List;

/**
 * The results of a problem by {@link Evaluator}. Nothing is rounded but, where TF32 is allowed, a
 * convolution's factors, and an output before statistics are computed from it, as it is stored.
 */
final class Reference {
  private Reference() {}

  /** The outputs of {@code problem}. */
  static List<double[]> all(Problem problem, List<double[]> inputs) {
    DType dtype = problem.output().dtype();
    return Evaluator.run(
            problem.op(),
            problem.inputs().stream().map(Operand::shape).toList(),
            problem.outputs().stream().map(Operand::shape).toList(),
            inputs,
            values ->
                problem.tf32() ? Arrays.stream(values).map(Reference::tf32).toArray() : values,
            values -> Arrays.stream(values).map(v -> dtype.round((float) v)).toArray())
        .results();
  }

  /** Ten bits of mantissa, ties away from zero. */
  private static double tf32(double value) {
    int bits = Float.floatToIntBits((float) value);
    return Double.isNaN(value) ? value : Float.intBitsToFloat(bits + 0x1000 & ~0x1fff);
  }
}
