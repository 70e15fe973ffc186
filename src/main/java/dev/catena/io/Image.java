package dev.catena.io;

/**
 * A picture in memory: rows from the top, each pixel three bytes red, green, blue (sRGB, 0 to 255).
 *
 * @param width in pixels, at least 1
 * @param height in pixels, at least 1
 * @param rgb the 3 · width · height bytes; not copied, and not to be changed
 */
@SuppressWarnings("ArrayRecordComponent") // Pictures are large and compared by nobody.
public record Image(int width, int height, byte[] rgb) {
  /** Checks the sizes. */
  public Image {
    if (width < 1 || height < 1 || rgb.length != 3L * width * height) {
      throw new IllegalArgumentException(
          rgb.length + " bytes are no picture of " + width + " x " + height);
    }
  }

  /** One channel of one pixel, 0 to 255; channel 0 is red. */
  public int at(int x, int y, int channel) {
    return rgb[3 * (y * width + x) + channel] & 0xff;
  }
}
