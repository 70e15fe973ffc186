package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
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
  private static final int BLOCK = 256;
  private static final int MOST_VECTORS = 32;

  /** Threads that a GPU wants to have, and the least work for each. */
  private static final int THREADS = 1 << 15;

  private static final int LEAST_PIXELS = 8;

  /** The cut for an activation of the shape of {@code x}. */
  static KernelStrips of(Operand x, boolean rows) {
    int pixels = Math.toIntExact(x.shape().pixels());
    int channels = x.shape().c();
    int most =
        rows
            ? KernelFold.FAN
            : Math.clamp(
                THREADS / vectors(channels), KernelFold.FAN, KernelFold.FAN * KernelFold.FAN);
    int length = Math.max(LEAST_PIXELS, Math.ceilDiv(pixels, most));
    return new KernelStrips(pixels, channels, length, rows);
  }

  private static int vectors(int channels) {
    return Math.ceilDiv(channels, KernelCall.VECTOR);
  }

  private int count() {
    return Math.ceilDiv(pixels, length);
  }

  private KernelFold fold(int sums) {
    return new KernelFold(count(), sums, channels);
  }

  /** Bytes of the workspace for so many sums. */
  long workspace(int sums) {
    return fold(sums).workspace();
  }

  /** {@code Strips} of strip.cuh. */
  record Strips(long partial, int pixels, int length, int channels) {}

  /** The same, their sums at {@code partial}, if they have any. */
  Strips parameters(long partial) {
    return new Strips(partial, pixels, length, channels);
  }

  /** The pass. */
  Launch pass(KernelCall call, String file, String kernel, Operand typed, Arguments parameters) {
    if (rows) {
      return call.launch(file, kernel, typed, Dim.of(count()), Dim.of(1), parameters);
    }
    int across = Math.min(vectors(channels), MOST_VECTORS);
    int down = BLOCK / across;
    Dim grid = Dim.of(Dim.blocks(count(), down), Dim.blocks(vectors(channels), across));
    return call.launch(file, kernel, typed, grid, Dim.of(across, down), parameters);
  }

  /** Adds what the strips left in the workspace. */
  List<Launch> sums(KernelCall call, int sums, Operand target, long address) {
    return fold(sums).sums(call, target, address);
  }

  /** Makes mean and variance of the moments that the strips left in the workspace. */
  List<Launch> statistics(KernelCall call, Operand target, long address) {
    return fold(2).statistics(call, target, address, new KernelFold.Cut(pixels, length, 1, 1));
  }
}
