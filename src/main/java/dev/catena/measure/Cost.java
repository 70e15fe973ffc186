package dev.catena.measure;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Layout;
import dev.catena.graph.MultiplyAdds;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;

/**
 * What a problem costs whoever computes it: every operand moved once, no more.
 *
 * @param bytes read and written: activations without the channels around their view, filters in the
 *     type of the output, vectors in fp32
 * @param flops two for each multiply-add; element-wise work counts nothing
 */
public record Cost(long bytes, long flops) {
  /** The cost of {@code problem}. */
  public static Cost of(Problem problem) {
    long bytes = 0;
    for (Operand operand : problem.operands()) {
      boolean filters = operand.layout() == Layout.PARAMETER && operand.shape().rank() > 1;
      long elements =
          operand == problem.input(0) ? elementsRead(problem) : operand.shape().elements();
      bytes += elements * (filters ? problem.output().dtype() : operand.dtype()).bytes();
    }
    var inputs = problem.inputs().stream().map(Operand::shape).toList();
    return new Cost(bytes, 2 * MultiplyAdds.of(problem.op(), inputs, problem.output().shape()));
  }

  /** A convolution with gaps between its windows does not read all of its input. */
  private static long elementsRead(Problem problem) {
    Shape x = problem.input(0).shape();
    return problem.op() instanceof Op.Conv conv
        ? Math.min(
            x.elements(),
            problem.output().shape().pixels() * conv.kernelH() * conv.kernelW() * x.c())
        : x.elements();
  }

  /** Seconds that a device with these peaks needs at least. */
  public double least(Peaks peaks) {
    return Math.max(bytes / peaks.bytesPerS(), flops / peaks.flopsPerS());
  }
}
