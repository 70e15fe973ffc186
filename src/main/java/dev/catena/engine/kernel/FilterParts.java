package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.Epilogue;
import dev.catena.engine.kernel.KernelParameters.View;
import java.util.List;

/**
 * A gradient by filters whose pixels are split: each part makes all filters from its own pixels,
 * and conv_sum.cu adds them up in a fixed order. A single part goes where the gradient goes.
 *
 * @param count of parts
 * @param filters the gradient
 */
record FilterParts(int count, Operand filters) {
  /** Scratch memory is part of a training step's peak, and should be small beside it. */
  private static final long MOST_BYTES = 4 << 20;

  /** As many as wanted, if there are so many pieces to share out and so much memory. */
  static FilterParts atMost(long wanted, long pieces, Operand filters) {
    long affordable = MOST_BYTES / (filters.bufferElements() * Float.BYTES);
    long count = Math.min(Math.min(wanted, pieces), affordable);
    return new FilterParts((int) Math.max(1, count), filters);
  }

  /** Of the workspace. */
  long bytes() {
    return count == 1 ? 0 : count * filters.bufferElements() * Float.BYTES;
  }

  /** The address of a kernel's gradient: its own place, or that of the parts. */
  long target(KernelCall call) {
    return count == 1 ? call.binding().output() : call.binding().workspace();
  }

  /** {@code launch}, then what adds the parts up. */
  List<Launch> after(Launch launch, KernelCall call) {
    if (count == 1) {
      return List.of(launch);
    }
    int rows = Math.toIntExact(filters.bufferElements() / filters.pitch());
    Launch adding =
        call.sum(
            filters,
            new View(call.binding().output(), filters.pitch()),
            call.binding().workspace(),
            Epilogue.NONE,
            (long) count * rows,
            rows,
            filters.shape().dim(1));
    return List.of(launch, adding);
  }
}
