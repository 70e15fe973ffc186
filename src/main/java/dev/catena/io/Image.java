package dev.catena.io;

import dev.catena.io.Preprocessing.Interpolation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A picture in memory: rows from the top, each pixel three bytes red, green, blue (sRGB, 0 to 255).
 * Many threads may use it.
 *
 * @param width in pixels, at least 1
 * @param height in pixels, at least 1
 * @param rgb the 3 · width · height bytes; not copied, and not to be changed
 */
@SuppressWarnings("ArrayRecordComponent") // Pictures are large and compared by nobody.
public record Image(int width, int height, byte[] rgb) {
  /** Pictures of more pixels are refused, since a small file can unpack to any size. */
  public static final long MAX_PIXELS = 1L << 26;

  /** Checks the sizes. */
  public Image {
    if (width < 1 || height < 1 || rgb.length != 3L * width * height) {
      throw new IllegalArgumentException(
          rgb.length + " bytes are no picture of " + width + " x " + height);
    }
  }

  /**
   * Reads a PNG or JPEG file. Grey becomes colour, of 16 bits the upper 8 are kept, what is
   * transparent is laid on white, CMYK is converted without a profile as Pillow does, the EXIF
   * orientation of a JPEG is honoured, colour profiles are not applied.
   *
   * @throws IOException if the file cannot be read
   * @throws dev.catena.error.ImageFormatException if it is damaged, has more than {@link
   *     #MAX_PIXELS}, or is of a kind that is not read (12 bits, lossless JPEG, other formats)
   */
  public static Image read(Path file) throws IOException {
    return ImageFile.read(file);
  }

  /**
   * The same of a file's bytes.
   *
   * @throws dev.catena.error.ImageFormatException as {@link #read}, calling the file {@code image}
   */
  public static Image decode(byte[] file) {
    return ImageFile.decode(Path.of("image"), file);
  }

  /**
   * Why {@link #read} would refuse a file, as far as its head tells; empty if nothing there is
   * wrong. Pixels are not read.
   *
   * @throws IOException if the file cannot be read
   */
  public static Optional<String> refusal(Path file) throws IOException {
    return ImageFile.refusal(file);
  }

  /** One channel of one pixel, 0 to 255; channel 0 is red. */
  public int at(int x, int y, int channel) {
    return rgb[3 * (y * width + x) + channel] & 0xff;
  }

  /**
   * This picture in another size, both sides at will: bilinear, antialiased where it shrinks, bytes
   * as Pillow's.
   */
  public Image resize(int newWidth, int newHeight) {
    if (newWidth < 1 || newHeight < 1 || (long) newWidth * newHeight > MAX_PIXELS) {
      throw new IllegalArgumentException("cannot resize to " + newWidth + " x " + newHeight);
    }
    return Resampler.resize(
        this, newWidth, newHeight, 0, 0, newWidth, newHeight, Interpolation.BILINEAR);
  }

  /**
   * The shorter side resized to {@code size}, keeping the proportions, then the middle {@code crop}
   * x {@code crop}.
   */
  public Image centerCrop(int size, int crop) {
    return centerCrop(size, crop, Interpolation.BILINEAR);
  }

  /** The same with another interpolation. */
  public Image centerCrop(int size, int crop, Interpolation interpolation) {
    if (crop < 1 || crop > size || (long) size * size > MAX_PIXELS) {
      throw new IllegalArgumentException("cannot cut " + crop + " pixels from " + size);
    }
    long shorter = Math.min(width, height);
    long fullWidth = width * (long) size / shorter;
    long fullHeight = height * (long) size / shorter;
    long left = (long) Math.rint((fullWidth - crop) / 2.0);
    long top = (long) Math.rint((fullHeight - crop) / 2.0);
    return Resampler.resize(this, fullWidth, fullHeight, left, top, crop, crop, interpolation);
  }
}
