package dev.catena.io;

import dev.catena.error.FormatException;
import dev.catena.error.ImageFormatException;
import dev.catena.io.file.RegularFile;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.MemoryCacheImageInputStream;

/** Decodes PNG and JPEG files, as {@link Image#read} says. */
final class ImageFile {
  private static final long MAX_FILE = 1L << 28;

  /**
   * A progressive picture takes about ten; each costs a pass over all pixels, even if the file
   * holds little of it.
   */
  private static final int MAX_SCANS = 100;

  private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  private static final byte[] JPEG = {(byte) 0xff, (byte) 0xd8, (byte) 0xff};

  /** The first bytes of pictures of other formats. */
  private static final Map<Pattern, String> OTHER_PICTURES =
      Map.of(
          Pattern.compile("GIF8"), "a GIF picture",
          Pattern.compile("RIFF(?s:....)WEBP"), "a WebP picture",
          Pattern.compile("BM"), "a BMP picture",
          Pattern.compile("II\\*\0|MM\0\\*"), "a TIFF picture",
          Pattern.compile("(?s:....)ftyp(heic|heix|mif1|avif)"), "a HEIF or AVIF picture");

  private static final String REMEDY = "Give a PNG or JPEG picture.";
  private static final String AGAIN = "The file is damaged: get it again.";

  private ImageFile() {}

  /** See {@link Image#read}. */
  static Image read(Path file) throws IOException {
    RegularFile.require(file);
    if (Files.size(file) > MAX_FILE) {
      throw new ImageFormatException(
          file, "", "has more than " + (MAX_FILE >> 20) + " MiB", REMEDY);
    }
    return decode(file, Files.readAllBytes(file));
  }

  /** See {@link Image#decode}; {@code file} is what errors call it. */
  static Image decode(Path file, byte[] bytes) {
    if (startsWith(bytes, PNG)) {
      return colors(decode(file, "png", bytes, r -> r.read(0)));
    } else if (startsWith(bytes, JPEG)) {
      Jpeg jpeg = parseJpeg(file, bytes);
      return upright(
          jpeg.frame().components() == 4
              ? Cmyk.toRgb(decode(file, "jpeg", jpeg.pixels(), r -> r.readRaster(0, null)), jpeg)
              : colors(decode(file, "jpeg", jpeg.pixels(), r -> r.read(0))),
          jpeg.orientation());
    }
    throw new ImageFormatException(file, "", notAnImage(bytes), REMEDY);
  }

  /** See {@link Image#refusal}. */
  static Optional<String> refusal(Path file) throws IOException {
    RegularFile.require(file);
    try (var channel = Files.newByteChannel(file)) {
      ByteBuffer head = ByteBuffer.allocate(FileKind.HEAD);
      channel.read(head);
      byte[] bytes = Arrays.copyOf(head.array(), head.position());
      if (startsWith(bytes, JPEG)) {
        return Jpeg.frame(channel).refusal();
      }
      return startsWith(bytes, PNG) ? Optional.empty() : Optional.of(notAnImage(bytes));
    } catch (Jpeg.BrokenSegmentException e) {
      return Optional.of("broken JPEG, " + e.getMessage());
    }
  }

  private static Jpeg parseJpeg(Path file, byte[] bytes) {
    Jpeg jpeg;
    try {
      jpeg = Jpeg.parse(bytes);
    } catch (Jpeg.BrokenSegmentException e) {
      throw new ImageFormatException(file, "", "broken JPEG, " + e.getMessage(), AGAIN);
    }
    Optional<String> refused =
        jpeg.scans() > MAX_SCANS
            ? Optional.of("a JPEG of " + jpeg.scans() + " scans")
            : jpeg.frame().refusal();
    if (refused.isPresent()) {
      throw new ImageFormatException(
          file, "", refused.get() + ", which is not read", "Save it as RGB.");
    }
    return jpeg;
  }

  private interface Decoding<T> {
    T by(ImageReader reader) throws IOException;
  }

  private static <T> T decode(Path file, String format, byte[] bytes, Decoding<T> decoding) {
    ImageReader reader = ImageIO.getImageReadersByFormatName(format).next();
    Set<String> warnings = new LinkedHashSet<>(); // the decoder repeats itself
    reader.addIIOReadWarningListener((_, text) -> warnings.add(text));
    try (var stream = new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes))) {
      reader.setInput(stream, true, true);
      int width = reader.getWidth(0);
      int height = reader.getHeight(0);
      if ((long) width * height > Image.MAX_PIXELS) {
        throw new ImageFormatException(
            file,
            "",
            "has " + width + " x " + height + " pixels, more than " + Image.MAX_PIXELS,
            "Make it smaller.");
      }
      T image = decoding.by(reader);
      // The decoder goes on after damage, with grey where pixels are missing.
      if (warnings.stream().anyMatch(ImageFile::isDamage)) {
        String reason = FormatException.clip(String.join("; ", warnings));
        throw new ImageFormatException(file, "", "damaged: " + reason, AGAIN);
      }
      return image;
    } catch (ImageFormatException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // The decoders of the JDK answer damage with unchecked exceptions too.
      String reason = FormatException.clip(String.valueOf(e.getMessage()));
      var error =
          new ImageFormatException(file, "", "not a readable " + format + ": " + reason, AGAIN);
      error.initCause(e);
      throw error;
    } finally {
      reader.dispose();
    }
  }

  private static boolean isDamage(String warning) {
    String text = warning.toLowerCase(Locale.ROOT);
    return text.contains("premature") || text.contains("corrupt") && !text.contains("extraneous");
  }

  /**
   * The samples themselves, since the JDK's own conversion takes grey for linear light and
   * brightens it.
   */
  private static Image colors(BufferedImage image) {
    Raster raster = image.getRaster();
    int width = image.getWidth();
    int bands = raster.getNumBands();
    int shift = Math.max(0, raster.getSampleModel().getSampleSize(0) - 8);
    byte[] rgb = new byte[Math.multiplyExact(3, width * image.getHeight())];
    int[] row = new int[width * bands];
    int to = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
      for (int x = 0; x < width; x++) {
        int red;
        int green;
        int blue;
        int alpha = 255;
        if (image.getColorModel() instanceof IndexColorModel palette) {
          int color = palette.getRGB(row[x]);
          alpha = color >>> 24;
          red = color >> 16 & 0xff;
          green = color >> 8 & 0xff;
          blue = color & 0xff;
        } else {
          int at = x * bands;
          boolean gray = bands < 3;
          red = row[at] >> shift;
          green = gray ? red : row[at + 1] >> shift;
          blue = gray ? red : row[at + 2] >> shift;
          if (bands % 2 == 0) {
            alpha = row[at + bands - 1] >> shift;
          }
        }
        rgb[to++] = onWhite(red, alpha);
        rgb[to++] = onWhite(green, alpha);
        rgb[to++] = onWhite(blue, alpha);
      }
    }
    return new Image(width, image.getHeight(), rgb);
  }

  private static byte onWhite(int value, int alpha) {
    return (byte) ((value * alpha + 255 * (255 - alpha) + 127) / 255);
  }

  /** The picture as its EXIF orientation says it is to be seen. */
  private static Image upright(Image image, int orientation) {
    if (orientation == 1) {
      return image;
    }
    boolean swapped = orientation >= 5;
    int width = swapped ? image.height() : image.width();
    int height = swapped ? image.width() : image.height();
    boolean fromRight =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    boolean fromBelow =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    byte[] rgb = new byte[image.rgb().length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int column = swapped ? y : x;
        int row = swapped ? x : y;
        int fromX = fromRight ? image.width() - 1 - column : column;
        int fromY = fromBelow ? image.height() - 1 - row : row;
        System.arraycopy(
            image.rgb(), 3 * (fromY * image.width() + fromX), rgb, 3 * (y * width + x), 3);
      }
    }
    return new Image(width, height, rgb);
  }

  private static String notAnImage(byte[] bytes) {
    if (bytes.length == 0) {
      return "the file is empty";
    }
    String start = new String(bytes, 0, Math.min(bytes.length, 16), StandardCharsets.ISO_8859_1);
    for (Map.Entry<Pattern, String> other : OTHER_PICTURES.entrySet()) {
      if (other.getKey().matcher(start).lookingAt()) {
        return other.getValue();
      }
    }
    return FileKind.of(Arrays.copyOf(bytes, Math.min(bytes.length, FileKind.HEAD)))
        .map(kind -> "not a picture but " + kind.what())
        .orElse("neither PNG nor JPEG");
  }

  private static boolean startsWith(byte[] bytes, byte[] magic) {
    return bytes.length >= magic.length
        && Arrays.equals(bytes, 0, magic.length, magic, 0, magic.length);
  }
}
