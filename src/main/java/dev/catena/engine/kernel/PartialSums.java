package dev.catena.engine.kernel;

import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.Epilogue;
import dev.catena.engine.kernel.KernelParameters.View;
import dev.catena.graph.Op;
import java.util.List;
import java.util.stream.Stream;

/**
 * The sums over pixels that a gradient leaves behind, Σdz and Σdz·(x − μ), of every part of the
 * pixels: parts x 2 x channels in fp32, channels rounded up to 8. conv_sum.cu adds them up, in a
 * fixed order: many parts in two launches, about as many groups as each group has parts.
 *
 * @param parts how many
 * @param channels of each row; 0 if there are no sums
 */
record PartialSums(int parts, int channels) {
  /** The number of values that one thread adds up without waiting long. */
  private static final int AT_ONCE = 64;

  private static final int ROWS = 2;

  /** Of a convolution with {@code prologue}: none without one. */
  static PartialSums of(Op.Prologue prologue, int parts, int channels) {
    return new PartialSums(parts, prologue == Op.Prologue.NONE ? 0 : channels);
  }

  private int groups() {
    return parts <= AT_ONCE ? 0 : (int) Math.ceil(Math.sqrt(parts));
  }

  private long rowBytes() {
    return (long) ROWS * Operand.packedPitch(channels) * Float.BYTES;
  }

  /** Of the parts and of the groups behind them. */
  long bytes() {
    return channels == 0 ? 0 : (parts + groups()) * rowBytes();
  }

  /** {@code first}, which leaves the parts in the workspace, then what adds them up. */
  List<Launch> after(Launch first, KernelCall call) {
    return after(List.of(first), call, call.binding().workspace());
  }

  /** The same with the parts at {@code sums}. */
  List<Launch> after(List<Launch> first, KernelCall call, long sums) {
    if (channels == 0) {
      return first;
    }
    Operand result = call.problem().output(1);
    long target = call.binding().output(1);
    long grouped = sums + parts * rowBytes();
    List<Launch> adding =
        groups() == 0
            ? List.of(add(call, target, sums, parts, 1, result.pitch()))
            : List.of(
                add(call, grouped, sums, parts, groups(), Operand.packedPitch(channels)),
                add(call, target, grouped, groups(), 1, result.pitch()));
    return Stream.concat(first.stream(), adding.stream()).toList();
  }

  /** Parts to groups: each every groups-th part. */
  private Launch add(KernelCall call, long target, long from, int count, int to, int pitch) {
    View y = new View(target, pitch);
    long rows = (long) ROWS * count;
    return call.sum(call.problem().output(1), y, from, Epilogue.NONE, rows, ROWS * to, channels);
  }
}
