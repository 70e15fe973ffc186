package dev.catena.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.argumentSet;

import dev.catena.error.ImageFormatException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pictures against Pillow's (src/test/python/golden_images.py), and every kind of damage. */
class ImagesTest {
  @TempDir Path folder;

  /** The picture of the golden script, from the same formula. */
  private static Image picture(int width, int height) {
    byte[] rgb = new byte[3 * width * height];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        for (int c = 0; c < 3; c++) {
          int noise = (x * 7919 + y * 104729 + c * 31) % 64;
          int waves = (x * x * (c + 1) / 17 + y * y / 11) % 128;
          int edges = (x / 16 + y / 16) % 2 == 0 ? 63 : 0;
          rgb[3 * (y * width + x) + c] = (byte) (noise + waves + edges);
        }
      }
    }
    return new Image(width, height, rgb);
  }

  @ParameterizedTest
  @CsvSource({"33, 50", "101, 20", "20, 67", "140, 90", "7, 1"})
  void resizesLikePillow(int width, int height) throws IOException {
    Image resized = picture(101, 67).resize(width, height);
    assertSame(golden("resized-" + width + "x" + height + ".png"), resized, 0);
  }

  private static Preprocessing imageNet(int resize, int crop) {
    Preprocessing usual = Preprocessing.imageNet(crop);
    return new Preprocessing(resize, crop, usual.interpolation(), usual.mean(), usual.deviation());
  }

  @Test
  void preparesLikeTorchvision() throws IOException {
    Image source = picture(101, 67);
    assertSame(golden("cropped-32.png"), source.centerCrop(40, 32), 0);
    float[] input = new float[3 * 32 * 32];
    imageNet(40, 32).apply(source, MemorySegment.ofArray(input));
    try (SafeTensors expected = SafeTensors.open(copy("imagenet-32.safetensors"))) {
      assertArrayEquals(expected.floats("input"), input);
    }
  }

  @Test
  void preparesTheUsualInput() {
    float[] input =
        Preprocessing.imageNet(224).apply(new Image(1, 1, new byte[] {(byte) 255, 0, 51}));
    assertEquals((1 - 0.485f) / 0.229f, input[0]);
    assertEquals((0 - 0.456f) / 0.224f, input[224 * 224]);
    assertEquals((0.2f - 0.406f) / 0.225f, input[3 * 224 * 224 - 1]);
    MemorySegment small = MemorySegment.ofArray(new float[100]);
    assertThrows(
        IllegalArgumentException.class,
        () -> Preprocessing.imageNet(224).apply(picture(9, 9), small));
  }

  /** Only the middle is computed, so extreme proportions need no memory. */
  @ParameterizedTest
  @CsvSource({"1, 3000000", "3000000, 1"})
  void cropsExtremeProportions(int width, int height) {
    byte[] rgb = new byte[3 * width * height];
    Arrays.fill(rgb, (byte) 9);
    Image crop = new Image(width, height, rgb).centerCrop(256, 224);
    assertEquals(224, crop.width());
    assertEquals(9, crop.at(100, 100, 1));
  }

  @Test
  void refusesImpossibleSizes() {
    Image image = picture(9, 9);
    assertThrows(IllegalArgumentException.class, () -> image.resize(0, 5));
    assertThrows(IllegalArgumentException.class, () -> image.resize(1 << 16, 1 << 16));
    assertThrows(IllegalArgumentException.class, () -> image.centerCrop(32, 33));
    assertThrows(IllegalArgumentException.class, () -> new Image(2, 2, new byte[11]));
  }

  /**
   * Decoders may differ by little: Pillow's library has other rounding in the inverse cosine
   * transform.
   */
  @ParameterizedTest
  @ValueSource(strings = {"rgb", "progressive", "gray", "cmyk", "ycck"})
  void readsJpeg(String name) throws IOException {
    assertSame(golden(name + "-decoded.png"), golden(name + ".jpg"), 3);
  }

  @Test
  void readsPalettesWithTransparency() throws IOException {
    assertSame(golden("palette-decoded.png"), golden("palette.png"), 0);
  }

  static Stream<Arguments> pngs() {
    byte[] map = {10, 20, 30, 40, 50, 60, 70, 80, 90};
    return Stream.of(
        argumentSet(
            "grey 1", new PngBytes(3, 1, 1, 0).pixels(0, 0b010_00000), "000000 ffffff 000000"),
        argumentSet(
            "grey 2", new PngBytes(3, 1, 2, 0).pixels(0, 0b00_01_11_00), "000000 555555 ffffff"),
        argumentSet("grey 4", new PngBytes(2, 1, 4, 0).pixels(0, 0x8f), "888888 ffffff"),
        argumentSet(
            "grey 8", new PngBytes(3, 1, 8, 0).pixels(0, 1, 128, 254), "010101 808080 fefefe"),
        argumentSet(
            "grey 16", new PngBytes(2, 1, 16, 0).pixels(0, 1, 255, 128, 0), "010101 808080"),
        argumentSet(
            "grey, alpha",
            new PngBytes(3, 1, 8, 4).pixels(0, 100, 255, 100, 0, 0, 51),
            "646464 ffffff cccccc"),
        argumentSet("grey, alpha 16", new PngBytes(1, 1, 16, 4).pixels(0, 100, 7, 0, 0), "ffffff"),
        argumentSet(
            "RGB", new PngBytes(1, 2, 8, 2).pixels(0, 1, 2, 3, 0, 4, 5, 6), "010203 040506"),
        argumentSet("RGB 16", new PngBytes(1, 1, 16, 2).pixels(0, 1, 9, 2, 9, 3, 9), "010203"),
        argumentSet(
            "RGBA", new PngBytes(2, 1, 8, 6).pixels(0, 1, 2, 3, 255, 1, 2, 3, 0), "010203 ffffff"),
        argumentSet(
            "RGBA 16", new PngBytes(1, 1, 16, 6).pixels(0, 255, 0, 0, 0, 0, 0, 128, 0), "ff7f7f"),
        argumentSet(
            "palette",
            new PngBytes(3, 1, 8, 3).chunk("PLTE", map).pixels(0, 2, 0, 1),
            "46505a 0a141e 28323c"),
        argumentSet(
            "palette 2",
            new PngBytes(3, 1, 2, 3).chunk("PLTE", map).pixels(0, 0b10_00_01_00),
            "46505a 0a141e 28323c"),
        argumentSet(
            "transparent colour",
            new PngBytes(2, 1, 8, 2)
                .chunk("tRNS", new byte[] {0, 1, 0, 2, 0, 3})
                .pixels(0, 1, 2, 3, 1, 2, 4),
            "ffffff 010204"),
        argumentSet(
            "transparent grey",
            new PngBytes(2, 1, 8, 0).chunk("tRNS", new byte[] {0, 7}).pixels(0, 7, 8),
            "ffffff 080808"));
  }

  @ParameterizedTest
  @MethodSource("pngs")
  void readsEveryPng(byte[] png, String pixels) throws IOException {
    Image image = Image.read(write(png));
    String read = HexFormat.of().formatHex(image.rgb()).replaceAll(".{6}(?=.)", "$0 ");
    assertEquals(pixels, read);
  }

  /** Corners as seen, from the stored R G / B W, by the definition of the EXIF tag. */
  @ParameterizedTest
  @CsvSource({"1,RGBW", "2,GRWB", "3,WBGR", "4,BWRG", "5,RBGW", "6,BRWG", "7,WGBR", "8,GWRB"})
  void honoursOrientation(int orientation, String corners) throws IOException {
    byte[] stored = new byte[3 * 48 * 32];
    for (int i = 0; i < 48 * 32; i++) {
      int corner = (i % 48 < 24 ? 0 : 1) + (i / 48 < 16 ? 0 : 2);
      int[] color = {0xff0000, 0x00ff00, 0x0000ff, 0xffffff};
      for (int c = 0; c < 3; c++) {
        stored[3 * i + c] = (byte) (color[corner] >> (16 - 8 * c));
      }
    }
    byte[] jpeg = jpeg(new Image(48, 32, stored));
    for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
      Image image = Image.read(write(withExif(jpeg, orientation, order)));
      assertEquals(orientation < 5 ? 48 : 32, image.width());
      StringBuilder seen = new StringBuilder();
      for (int i = 0; i < 4; i++) {
        int x = image.width() / 4 + i % 2 * image.width() / 2;
        int y = image.height() / 4 + i / 2 * image.height() / 2;
        boolean red = image.at(x, y, 0) > 128;
        boolean blue = image.at(x, y, 2) > 128;
        seen.append(red && blue ? 'W' : red ? 'R' : blue ? 'B' : 'G');
      }
      assertEquals(corners, seen.toString());
    }
  }

  /** A tag's value is read by its type and count: 6 turns the picture. */
  @ParameterizedTest
  @CsvSource({"1,1,24", "3,1,24", "4,1,24", "2,1,40", "5,1,40", "3,2,40"})
  void readsOrientationByItsType(int type, int count, int width) throws IOException {
    byte[] jpeg = Files.readAllBytes(copy("rgb.jpg"));
    for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
      ByteBuffer exif = ByteBuffer.wrap(exif(6, order)).order(order);
      exif.putShort(18, (short) type).putInt(20, count).putInt(24, 0);
      switch (type) {
        case 1 -> exif.put(24, (byte) 6);
        case 4 -> exif.putInt(24, 6);
        default -> exif.putShort(24, (short) 6);
      }
      Image image = Image.read(write(withSegment(jpeg, 0xe1, exif.array())));
      assertEquals(width, image.width(), order.toString());
    }
  }

  /** As a phone's motion photo has it: a video whose bytes may look like markers. */
  @ParameterizedTest
  @ValueSource(strings = {"rgb.jpg", "progressive.jpg"})
  void ignoresWhatFollowsThePicture(String name) throws IOException {
    byte[] jpeg = Files.readAllBytes(copy(name));
    ByteBuffer photo = ByteBuffer.allocate(jpeg.length + 4000).put(jpeg);
    while (photo.hasRemaining()) {
      photo.putShort((short) 0xffda);
    }
    assertSame(Image.read(write(jpeg)), Image.read(write(photo.array())), 0);
  }

  @Test
  void ignoresBrokenExif() throws IOException {
    byte[] jpeg = Files.readAllBytes(copy("rgb.jpg"));
    for (int cut = 0; cut < 32; cut++) {
      byte[] exif = Arrays.copyOf(exif(6, ByteOrder.LITTLE_ENDIAN), cut);
      Image image = Image.read(write(withSegment(jpeg, 0xe1, exif)));
      assertEquals(cut < 28 ? 40 : 24, image.width(), "cut to " + cut);
    }
  }

  @Test
  void namesWhatIsNotRead() throws IOException {
    byte[] jpeg = Files.readAllBytes(copy("rgb.jpg"));
    int frame = indexOf(jpeg, 0xc0);
    assertRefused("12 bits", patched(jpeg, frame + 4, 12));
    assertRefused("lossless", patched(jpeg, frame + 1, 0xc3));
    assertRefused("2 components", patched(jpeg, frame + 9, 2));
    assertRefused("a GIF picture", "GIF89a".getBytes(StandardCharsets.US_ASCII));
    assertRefused("neither PNG nor JPEG", new byte[] {1, 2, 3});
    assertRefused("the file is empty", new byte[0]);
    assertRefused("not a picture but a web page", "<html>".getBytes(StandardCharsets.US_ASCII));
    assertRefused("a marker is missing", new byte[] {(byte) 0xff, (byte) 0xd8, (byte) 0xff});
    assertThrows(NoSuchFileException.class, () -> Image.read(folder.resolve("missing.png")));
    assertThrows(FileSystemException.class, () -> Image.read(folder));
  }

  @Test
  void refusesBombs() throws IOException {
    assertRefused("has 100000 x 100000 pixels", new PngBytes(100_000, 100_000, 1, 0).pixels(0, 0));
    byte[] jpeg = Files.readAllBytes(copy("rgb.jpg"));
    byte[] huge = jpeg.clone();
    ByteBuffer.wrap(huge)
        .putShort(indexOf(jpeg, 0xc0) + 5, (short) 60000)
        .putShort(indexOf(jpeg, 0xc0) + 7, (short) 60000);
    assertRefused("has 60000 x 60000 pixels", huge);
    int scan = indexOf(jpeg, 0xda);
    ByteBuffer scans = ByteBuffer.allocate(jpeg.length + 400).put(jpeg, 0, scan);
    for (int i = 0; i < 100; i++) {
      scans.putShort((short) 0xffda).putShort((short) 2);
    }
    assertRefused("a JPEG of 101 scans", scans.put(jpeg, scan, jpeg.length - scan).array());
  }

  @ParameterizedTest
  @ValueSource(strings = {"rgb.jpg", "gray.jpg", "palette.png", "cropped-32.png"})
  void refusesTruncation(String name) throws IOException {
    byte[] whole = Files.readAllBytes(copy(name));
    int slack =
        name.endsWith("png") ? 24 : 2; // The end chunk and a checksum may be missed unnoticed.
    for (int length = 0; length < whole.length - slack; length += 7) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThrows(ImageFormatException.class, () -> Image.read(write(cut)), "cut to " + length);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rgb.jpg", "progressive.jpg", "palette.png", "cropped-32.png"})
  void survivesMutants(String name) throws IOException {
    byte[] whole = Files.readAllBytes(copy(name));
    Random random = new Random(name.hashCode());
    int sound = 0;
    for (int i = 0; i < 1000; i++) {
      byte[] mutant = whole.clone();
      for (int n = 1 + random.nextInt(3); n > 0; n--) {
        mutant[3 + random.nextInt(random.nextBoolean() ? 200 : mutant.length - 3)] =
            (byte) random.nextInt();
      }
      try {
        Image.read(write(mutant));
        sound++;
      } catch (ImageFormatException e) {
        assertTrue(e.getMessage().length() < 1000, e::getMessage);
      } catch (RuntimeException | Error e) {
        throw new AssertionError("mutant " + i + ": " + Arrays.toString(mutant), e);
      }
    }
    assertTrue(sound < 1000, "no mutant was refused");
  }

  private void assertRefused(String reason, byte[] content) throws IOException {
    Path file = write(content);
    var error = assertThrows(ImageFormatException.class, () -> Image.read(file));
    assertTrue(error.getMessage().startsWith(file + ": "), error::getMessage);
    assertTrue(error.reason().contains(reason), error::getMessage);
  }

  private static void assertSame(Image expected, Image actual, int tolerance) {
    assertEquals(expected.width(), actual.width());
    assertEquals(expected.height(), actual.height());
    for (int i = 0; i < expected.rgb().length; i++) {
      int e = expected.rgb()[i] & 0xff;
      int a = actual.rgb()[i] & 0xff;
      assertTrue(Math.abs(e - a) <= tolerance, "byte " + i + " is " + a + ", not " + e);
    }
  }

  private Image golden(String name) throws IOException {
    return Image.read(copy(name));
  }

  private Path copy(String name) throws IOException {
    try (var in = ImagesTest.class.getResourceAsStream("/golden/io/" + name)) {
      return Files.write(folder.resolve(name), in.readAllBytes());
    }
  }

  private Path write(byte[] content) throws IOException {
    return Files.write(folder.resolve("picture"), content);
  }

  private static byte[] jpeg(Image image) throws IOException {
    var buffered = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < image.height(); y++) {
      for (int x = 0; x < image.width(); x++) {
        buffered.setRGB(x, y, image.at(x, y, 0) << 16 | image.at(x, y, 1) << 8 | image.at(x, y, 2));
      }
    }
    var out = new ByteArrayOutputStream();
    ImageIO.write(buffered, "jpeg", out);
    return out.toByteArray();
  }

  private static byte[] withExif(byte[] jpeg, int orientation, ByteOrder order) {
    return withSegment(jpeg, 0xe1, exif(orientation, order));
  }

  private static byte[] withSegment(byte[] jpeg, int marker, byte[] data) {
    return ByteBuffer.allocate(jpeg.length + 4 + data.length)
        .put(jpeg, 0, 2)
        .put((byte) 0xff)
        .put((byte) marker)
        .putShort((short) (2 + data.length))
        .put(data)
        .put(jpeg, 2, jpeg.length - 2)
        .array();
  }

  /** A TIFF header, then a directory of one entry: tag 0x0112, type SHORT, one value. */
  private static byte[] exif(int orientation, ByteOrder order) {
    String magic = order == ByteOrder.LITTLE_ENDIAN ? "II" : "MM";
    return ByteBuffer.allocate(32)
        .order(order)
        .put(("Exif\0\0" + magic).getBytes(StandardCharsets.US_ASCII))
        .putShort((short) 42)
        .putInt(8)
        .putShort((short) 1)
        .putShort((short) 0x0112)
        .putShort((short) 3)
        .putInt(1)
        .putShort((short) orientation)
        .array();
  }

  private static int indexOf(byte[] jpeg, int marker) {
    for (int i = 0; i < jpeg.length; i++) {
      if ((jpeg[i] & 0xff) == 0xff && (jpeg[i + 1] & 0xff) == marker) {
        return i;
      }
    }
    throw new AssertionError("no marker " + marker);
  }

  private static byte[] patched(byte[] bytes, int at, int value) {
    byte[] patched = bytes.clone();
    patched[at] = (byte) value;
    return patched;
  }
}
