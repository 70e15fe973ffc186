package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.graph.Op;
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

  private static final int X = 1;
  private static final int SCALE = 2;
  private static final int SHIFT = 3;

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

  /** The first arguments of the kernels: dw or its parts, g, x, s, t, whether to rectify. */
  List<Object> arguments(KernelCall call, Op.Conv conv) {
    boolean affine = conv.prologue() != Op.Prologue.NONE;
    return List.of(
        count == 1 ? call.binding().output() : call.binding().workspace(),
        call.binding().input(0),
        call.binding().input(X),
        affine ? call.vector(SCALE) : 0L,
        affine ? call.vector(SHIFT) : 0L,
        conv.prologue() == Op.Prologue.SCALE_SHIFT_RELU ? 1 : 0);
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
            call.binding().output(),
            call.binding().workspace(),
            (long) count * rows,
            rows,
            filters.shape().dim(1),
            filters.pitch());
    return List.of(launch, adding);
  }
}
