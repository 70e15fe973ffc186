package dev.catena.io;

import dev.catena.io.Preprocessing.Interpolation;
import java.util.Arrays;

/**
 * Antialiased resizing, bilinear or bicubic, with the results of Pillow and so of torchvision's
 * {@code Resize}.
 *
 * <p>An output pixel is the mean of the input around its centre, weighted by a triangle that
 * reaches one pixel to each side, or a cubic curve that reaches two; where the picture shrinks, it
 * is widened by the ratio. Columns are resized first, then rows, with rounding to bytes between.
 * Weights are fixed-point numbers with 22 bits of fraction.
 */
final class Resampler {
  private static final int FRACTION = 22;
  private static final int HALF = 1 << (FRACTION - 1);

  private Resampler() {}

  /**
   * The weights of one axis: output i is the sum of {@code weights[i][j] * input[first[i] + j]}.
   */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  private record Taps(int[] first, int[][] weights) {
    /**
     * For outputs {@code from} to {@code from + count - 1} of {@code out}, stretched over {@code
     * in} inputs.
     */
    static Taps of(int in, long out, long from, int count, Interpolation interpolation) {
      double scale = (double) in / out;
      double width = Math.max(scale, 1);
      double reach = interpolation == Interpolation.BICUBIC ? 2 * width : width;
      int[] first = new int[count];
      int[][] weights = new int[count][];
      for (int i = 0; i < count; i++) {
        double center = (from + i + 0.5) * scale;
        first[i] = Math.max((int) (center - reach + 0.5), 0);
        int end = Math.min((int) (center + reach + 0.5), in);
        weights[i] = weights(center - first[i] - 0.5, width, end - first[i], interpolation);
      }
      return new Taps(first, weights);
    }

    private static int[] weights(
        double center, double width, int count, Interpolation interpolation) {
      double[] heights = new double[count];
      double sum = 0;
      for (int j = 0; j < count; j++) {
        double x = Math.abs(j - center) / width;
        heights[j] = interpolation == Interpolation.BICUBIC ? cubic(x) : Math.max(0, 1 - x);
        sum += heights[j];
      }
      int[] weights = new int[count];
      for (int j = 0; j < count; j++) {
        weights[j] = (int) Math.round(heights[j] / sum * (1 << FRACTION));
      }
      return weights;
    }

    /** Of Keys, with a = -1/2. */
    private static double cubic(double x) {
      if (x >= 2) {
        return 0;
      }
      return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2;
    }

    int end() {
      int last = first.length - 1;
      return first[last] + weights[last].length;
    }
  }

  /**
   * A box of {@code image} resized to {@code outWidth} x {@code outHeight}; only the box is
   * computed, so the whole may be larger than memory.
   */
  static Image resize(
      Image image,
      long outWidth,
      long outHeight,
      long left,
      long top,
      int width,
      int height,
      Interpolation interpolation) {
    Taps columns = Taps.of(image.width(), outWidth, left, width, interpolation);
    Taps rows = Taps.of(image.height(), outHeight, top, height, interpolation);
    int firstRow = rows.first()[0];
    byte[] narrow = resizeColumns(image, columns, firstRow, rows.end() - firstRow);
    byte[] result = resizeRows(narrow, 3 * width, rows, firstRow);
    return new Image(width, height, result);
  }

  private static byte[] resizeColumns(Image image, Taps taps, int firstRow, int rows) {
    int width = taps.first().length;
    byte[] in = image.rgb();
    byte[] out = new byte[3 * width * rows];
    for (int y = 0; y < rows; y++) {
      int row = (firstRow + y) * image.width();
      for (int x = 0; x < width; x++) {
        int[] weights = taps.weights()[x];
        int at = 3 * (row + taps.first()[x]);
        int red = HALF;
        int green = HALF;
        int blue = HALF;
        for (int weight : weights) {
          red += weight * (in[at++] & 0xff);
          green += weight * (in[at++] & 0xff);
          blue += weight * (in[at++] & 0xff);
        }
        int to = 3 * (y * width + x);
        out[to] = clamp(red);
        out[to + 1] = clamp(green);
        out[to + 2] = clamp(blue);
      }
    }
    return out;
  }

  private static byte[] resizeRows(byte[] in, int stride, Taps taps, int firstRow) {
    int height = taps.first().length;
    byte[] out = new byte[stride * height];
    int[] sums = new int[stride];
    for (int y = 0; y < height; y++) {
      Arrays.fill(sums, HALF);
      int at = (taps.first()[y] - firstRow) * stride;
      for (int weight : taps.weights()[y]) {
        for (int i = 0; i < stride; i++) {
          sums[i] += weight * (in[at + i] & 0xff);
        }
        at += stride;
      }
      for (int i = 0; i < stride; i++) {
        out[y * stride + i] = clamp(sums[i]);
      }
    }
    return out;
  }

  private static byte clamp(int sum) {
    return (byte) Math.clamp(sum >> FRACTION, 0, 255);
  }
}
