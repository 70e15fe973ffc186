package dev.catena.engine.onednn;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Op;
import java.util.Optional;

/**
 * How a problem uses its workspace: a dense copy of the input, one of the output, each call's
 * scratchpad; nothing where an offset is -1.
 *
 * @param calls that the batch is cut into
 * @param threads OpenMP threads of a call
 * @param input offset of the dense input
 * @param output offset of the dense output
 * @param scratchpads offset of the first scratchpad
 * @param scratchpadBytes of a call
 * @param bytes of everything
 */
record OneDnnSizes(
    int calls,
    int threads,
    long input,
    long output,
    long scratchpads,
    long scratchpadBytes,
    long bytes) {
  private static final long ALIGNMENT = 256;

  /** Empty if oneDNN has no such primitive. */
  static Optional<OneDnnSizes> of(Problem problem, int calls, int threads) {
    int each = calls == 1 ? threads : 1;
    int images = problem.input(0).shape().n() / calls;
    long scratchpad =
        OneDnnObjects.withThreads(
            each,
            () -> {
              try (var plan = new OneDnnPlan(problem, images)) {
                return plan.exists() ? plan.scratchpadBytes() : -1;
              }
            });
    if (scratchpad < 0) {
      return Optional.empty();
    }
    long end = 0;
    long input = -1;
    long output = -1;
    if (copied(problem, problem.input(0))) {
      input = end;
      end += round(denseBytes(problem.input(0)));
    }
    if (copied(problem, problem.output())) {
      output = end;
      end += round(denseBytes(problem.output()));
    }
    return Optional.of(
        new OneDnnSizes(
            calls, each, input, output, end, round(scratchpad), end + calls * round(scratchpad)));
  }

  /** A product takes a leading dimension, a convolution wants dense pixels. */
  private static boolean copied(Problem problem, Operand operand) {
    return problem.op() instanceof Op.Conv && !operand.isDense();
  }

  static long denseBytes(Operand operand) {
    return operand.shape().elements() * operand.dtype().bytes();
  }

  private static long round(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }
}
