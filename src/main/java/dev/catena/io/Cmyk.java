package dev.catena.io;

import java.awt.image.Raster;

/**
 * Pictures made for printing, in Adobe's convention: samples are inverted, so that 255 is no ink.
 * Converted as Pillow does, without a colour profile.
 */
final class Cmyk {
  private static final int YCCK = 2;

  /** Bits behind the point. */
  private static final int FRACTION = 16;

  private static final int HALF = 1 << FRACTION - 1;

  private Cmyk() {}

  /**
   * The colours of decoded samples.
   *
   * @param samples four bands as the file codes them: C, M, Y, K or Y, Cb, Cr, K
   * @param jpeg whose transform says which
   */
  static Image toRgb(Raster samples, Jpeg jpeg) {
    int pixels = samples.getWidth() * samples.getHeight();
    byte[] rgb = new byte[Math.multiplyExact(3, pixels)];
    int[] row = new int[4 * samples.getWidth()];
    int to = 0;
    for (int y = 0; y < samples.getHeight(); y++) {
      samples.getPixels(0, y, samples.getWidth(), 1, row);
      for (int at = 0; at < row.length; at += 4) {
        if (jpeg.transform() == YCCK) {
          fromYcc(row, at);
        }
        for (int c = 0; c < 3; c++) {
          rgb[to++] = (byte) withoutInk(row[at + c], row[at + 3]);
        }
      }
    }
    return new Image(samples.getWidth(), samples.getHeight(), rgb);
  }

  /** A colour under black ink: colour * black / 255, both inverted. */
  private static int withoutInk(int color, int black) {
    int ink = (255 - color) * black + 128;
    return Math.clamp(black - ((ink >> 8) + ink >> 8), 0, 255);
  }

  /** Y, Cb, Cr to C, M, Y, which are 255 less R, G, B, rounded as libjpeg does: JFIF 1.02. */
  private static void fromYcc(int[] row, int at) {
    int y = row[at];
    int cb = row[at + 1] - 128;
    int cr = row[at + 2] - 128;
    row[at] = ink(y, fixed(1.402) * cr);
    row[at + 1] = ink(y, fixed(-0.344136286) * cb + fixed(-0.714136286) * cr);
    row[at + 2] = ink(y, fixed(1.772) * cb);
  }

  private static int ink(int y, int chroma) {
    return Math.clamp(255 - (y + (chroma + HALF >> FRACTION)), 0, 255);
  }

  private static int fixed(double factor) {
    return (int) Math.round(factor * (1 << FRACTION));
  }
}
