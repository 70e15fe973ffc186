package dev.catena.engine.kernel;

import dev.catena.device.Arguments;
import dev.catena.device.Launch;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.View;
import java.util.ArrayList;
import java.util.List;

/**
 * The second stage of sums over pixels: rows of partial results in the workspace, of which fold.cu
 * makes one, some at a time and in a fixed order.
 *
 * @param rows of partial results
 * @param sums in each row
 * @param channels of each sum
 */
record KernelFold(int rows, int sums, int channels) {
  /** Rows that one thread adds. */
  static final int FAN = 64;

  /**
   * How the pixels of the rows were cut: height x width into blocks of lines x columns, a row for
   * each, from left to right and down; those at the end are smaller.
   */
  record Cut(int height, int lines, int width, int columns) {}

  /** Bytes of the rows and of what is made of them on the way. */
  long workspace() {
    long bytes = 0;
    for (int left = rows; left > 0; left = left == 1 ? 0 : Math.ceilDiv(left, FAN)) {
      bytes += bytes(left);
    }
    return bytes;
  }

  private long bytes(int partials) {
    return (long) partials * sums * Operand.packedPitch(channels) * Float.BYTES;
  }

  /** Adds the rows. */
  List<Launch> sums(KernelCall call, Operand target, long address) {
    return launches(call, "fold_" + sums, target, address, null);
  }

  /** Makes mean and variance of the rows' means and sums of squared differences. */
  List<Launch> statistics(KernelCall call, Operand target, long address, Cut cut) {
    return launches(call, "fold_statistics", target, address, cut);
  }

  private List<Launch> launches(
      KernelCall call, String kernel, Operand target, long address, Cut cut) {
    List<Launch> folds = new ArrayList<>();
    long from = call.binding().workspace();
    int unit = 1;
    for (int left = rows; folds.isEmpty() || left > 1; left = Math.ceilDiv(left, FAN)) {
      int made = Math.ceilDiv(left, FAN);
      boolean last = made == 1;
      long to = last ? address : from + bytes(left);
      View out = new View(to, last ? target.pitch() : Operand.packedPitch(channels));
      Arguments parameters =
          call.arguments(target)
              .set("out", out)
              .set("in", from)
              .set("rows", left)
              .set("fan", FAN)
              .set("channels", channels);
      if (cut != null) {
        parameters.set("unit", unit).set("cut", cut).set("variance", last);
      }
      folds.add(call.elementwise("fold", kernel, target, made, channels, parameters));
      unit *= FAN;
      from = to;
    }
    return folds;
  }
}
