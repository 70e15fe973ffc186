package dev.catena.engine;

import dev.catena.device.Dim;
import dev.catena.device.Launch;
import java.util.ArrayList;
import java.util.List;

/**
 * How a pass over an activation is cut into strips of pixels (strip.cuh), and how the sums that
 * each of them leaves in the workspace are folded (fold.cu). A function of the shape and the form
 * alone, so the order of every sum is, too.
 *
 * @param pixels of the activation
 * @param channels of the activation
 * @param length pixels of a strip
 * @param rows whether a thread takes whole rows, as the host likes, or eight channels
 */
record KernelStrips(int pixels, int channels, int length, boolean rows) {
  /** Rows of partial sums that one thread adds. */
  private static final int FAN = 64;

  private static final int BLOCK = 256;
  private static final int MOST_VECTORS = 32;

  /** Threads that a GPU wants to have, and the least work for each. */
  private static final int THREADS = 1 << 15;

  private static final int LEAST_PIXELS = 8;

  /** The cut for an activation of the shape of {@code x}. */
  static KernelStrips of(Operand x, boolean rows) {
    int pixels = Math.toIntExact(x.shape().pixels());
    int channels = x.shape().c();
    int most = rows ? FAN : Math.clamp(THREADS / vectors(channels), FAN, FAN * FAN);
    int length = Math.max(LEAST_PIXELS, Math.ceilDiv(pixels, most));
    return new KernelStrips(pixels, channels, length, rows);
  }

  private static int vectors(int channels) {
    return Math.ceilDiv(channels, KernelCall.VECTOR);
  }

  private int count() {
    return Math.ceilDiv(pixels, length);
  }

  /** Bytes of the workspace for so many sums. */
  long workspace(int sums) {
    long bytes = 0;
    for (int left = count(); left > 0; left = left == 1 ? 0 : Math.ceilDiv(left, FAN)) {
      bytes += bytes(left, sums);
    }
    return bytes;
  }

  private long bytes(int partials, int sums) {
    return (long) partials * sums * Operand.packedPitch(channels) * Float.BYTES;
  }

  /** The pass. */
  Launch pass(KernelCall call, String file, String kernel, Operand typed, Object... args) {
    if (rows) {
      return call.launch(file, kernel, typed, Dim.of(count()), Dim.of(1), args);
    }
    int across = Math.min(vectors(channels), MOST_VECTORS);
    int down = BLOCK / across;
    Dim grid = Dim.of(Dim.blocks(count(), down), Dim.blocks(vectors(channels), across));
    return call.launch(file, kernel, typed, grid, Dim.of(across, down), args);
  }

  /** Adds what the strips left in the workspace. */
  List<Launch> sums(KernelCall call, int sums, Operand target, long address) {
    return fold(call, "fold_" + sums, sums, target, address);
  }

  /** Makes mean and variance of the moments that the strips left in the workspace. */
  List<Launch> statistics(KernelCall call, Operand target, long address) {
    return fold(call, "fold_statistics", 2, target, address);
  }

  private List<Launch> fold(
      KernelCall call, String kernel, int sums, Operand target, long address) {
    List<Launch> folds = new ArrayList<>();
    long from = call.binding().workspace();
    int unit = length;
    for (int left = count(); folds.isEmpty() || left > 1; left = Math.ceilDiv(left, FAN)) {
      int made = Math.ceilDiv(left, FAN);
      boolean last = made == 1;
      long to = last ? address : from + bytes(left, sums);
      List<Object> args = new ArrayList<>(List.of(to, from, left, FAN));
      if (kernel.equals("fold_statistics")) {
        args.addAll(List.of(unit, pixels, last ? 1 : 0));
      }
      args.addAll(List.of(channels, last ? target.pitch() : Operand.packedPitch(channels)));
      folds.add(call.elementwise("fold", kernel, target, made, channels, args.toArray()));
      unit *= FAN;
      from = to;
    }
    return folds;
  }
}
