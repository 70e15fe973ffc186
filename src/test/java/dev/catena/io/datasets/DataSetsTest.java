package dev.catena.io.datasets;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.FormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Shape;
import dev.catena.io.SafeTensorsWriter;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.zip.GZIPOutputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DataSetsTest {
  private static final Shape GREY = Shape.nhwc(1, 28, 28, 1);
  private static final Shape COLOR = Shape.nhwc(1, 32, 32, 3);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void readsIdxPlainAndPacked(boolean packed) throws IOException {
    writeIdx(packed);
    try (DataSet set = open(GREY)) {
      assertEquals(Shape.nhwc(1, 2, 3, 1), set.image());
      assertEquals(2, set.train().size());
      assertEquals(7, set.train().label(1));
      assertArrayEquals(new float[] {6, 7, 8, 9, 10, 255}, image(set.train(), 1));
      assertEquals(1, set.test().orElseThrow().size());
      // Of 0 to 10 and 255.
      assertEquals(310 / 12f, set.normalization().mean().getFirst(), 1e-5f);
      double squares = (385 + 255 * 255) / 12.0;
      double deviation = Math.sqrt(squares - 310 / 12.0 * 310 / 12.0);
      assertEquals(1 / deviation, set.normalization().scale().getFirst(), 1e-8);
    }
  }

  @Test
  void repeatsGreyInEveryChannel() throws IOException {
    writeIdx(false);
    try (DataSet set = open(COLOR)) {
      float[] plane = {6, 7, 8, 9, 10, 255};
      float[] all = image(set.train(), 1);
      assertEquals(18, all.length);
      for (int c = 0; c < 3; c++) {
        assertArrayEquals(plane, Arrays.copyOfRange(all, 6 * c, 6 * c + 6));
      }
      assertEquals(3, set.normalization().scale().size());
    }
  }

  @Test
  void namesWhatIsWrongWithIdx() throws IOException {
    String images = "train-images-idx3-ubyte";
    String labels = "train-labels-idx1-ubyte";
    assertRefusedIdx(images, b -> Arrays.copyOf(b, b.length - 1), "byte 16: 12 bytes");
    assertRefusedIdx(images, b -> Arrays.copyOf(b, b.length + 1), "byte 28: goes on");
    assertRefusedIdx(images, b -> Arrays.copyOf(b, 7), "byte 4: 4 bytes");
    assertRefusedIdx(images, b -> with(b, 3, 1), "byte 0: the magic number is 00000801");
    assertRefusedIdx(images, b -> with(b, 8, 0x80), "byte 8: an extent of 2147483650");
    assertRefusedIdx(images, b -> with(b, 4, 0x7f), "byte 16: ");
    assertRefusedIdx(labels, b -> with(b, 7, 3), "byte 4: has 3 labels");
    assertRefusedIdx(labels, b -> with(b, 9, 10), "byte 9: the label of image 1 is 10");
    assertRefusedIdx("t10k-images-idx3-ubyte", b -> with(with(b, 11, 3), 15, 2), "byte 8: has");
  }

  @Test
  void namesWhatIsWrongWithPackedIdx() throws IOException {
    writeIdx(true);
    Path images = folder.resolve("train-images-idx3-ubyte.gz");
    byte[] good = Files.readAllBytes(images);
    Files.write(images, Arrays.copyOf(good, good.length - 9));
    assertRefused(GREY, images.getFileName() + ", byte 28: broken gzip: Unexpected end");
    Files.write(images, with(good, good.length - 6, good[good.length - 6] + 1));
    assertRefused(GREY, "broken gzip");
  }

  @Test
  void readsCifar() throws IOException {
    Path place = Files.createDirectory(folder.resolve("cifar-10-batches-bin"));
    for (int i = 1; i <= 5; i++) {
      Files.write(place.resolve("data_batch_" + i + ".bin"), cifar(1, i, i + 1));
    }
    Files.write(place.resolve("test_batch.bin"), cifar(1, 9));
    try (DataSet set = open(COLOR)) {
      assertEquals(10, set.train().size());
      assertEquals(6, set.train().label(9));
      float[] image = image(set.train(), 9);
      assertEquals(6, image[0]);
      assertEquals((6 + 3071) & 0xff, image[3071]);
    }
    Files.write(place.resolve("data_batch_4.bin"), Arrays.copyOf(cifar(1, 4), 3000));
    assertRefused(COLOR, "data_batch_4.bin, byte 0: 3000 bytes are not whole records of 3073");
    Files.write(place.resolve("data_batch_4.bin"), cifar(1, 4, 10));
    assertRefused(COLOR, "data_batch_4.bin, byte 3073: the label of image 1 is 10");
    Files.delete(place.resolve("data_batch_4.bin"));
    assertThrows(NoSuchFileException.class, () -> open(COLOR));
  }

  @Test
  void takesTheFineLabelsOfCifar100() throws IOException {
    Files.write(folder.resolve("train.bin"), cifar(2, 99, 3));
    Files.write(folder.resolve("test.bin"), cifar(2, 5));
    try (DataSet set = DataSets.open(folder.toString(), COLOR, 100, false)) {
      assertEquals(99, set.train().label(0));
      assertEquals(100, set.classes());
    }
    assertRefused(COLOR, "has 100 classes, the network tells only 10 apart");
  }

  @Test
  void readsPicturesByClass() throws IOException {
    for (String part : List.of("train/cat", "train/dog", "val/cat", "val/dog")) {
      picture(Files.createDirectories(folder.resolve(part)).resolve("a.png"), part.length());
    }
    try (DataSet set = open(COLOR)) {
      assertEquals(2, set.classes());
      assertEquals(1, set.train().label(1));
      assertEquals(2, set.test().orElseThrow().size());
      float[] image = image(set.train(), 0);
      assertEquals(9, image[0]);
      assertEquals(10, image[1024]);
      assertEquals(11, image[2048]);
    }
    byte[] png = Files.readAllBytes(folder.resolve("train/cat/a.png"));
    Files.write(folder.resolve("train/cat/b.png"), Arrays.copyOf(png, png.length / 2));
    try (DataSet set = open(COLOR)) {
      var error = assertThrows(FormatException.class, () -> image(set.train(), 1));
      assertTrue(error.getMessage().contains("b.png"), error.getMessage());
    }
    Files.delete(folder.resolve("train/cat/b.png"));
    Files.delete(folder.resolve("val/dog/a.png"));
    assertRefused(COLOR, "dog: is empty");
    Files.move(folder.resolve("val/dog"), folder.resolve("val/cow"));
    assertRefused(COLOR, "val: has not the classes of");
    Path empty = Files.createDirectory(folder.resolve("empty"));
    var error =
        assertThrows(
            FormatException.class, () -> DataSets.open(empty.toString(), COLOR, 10, false));
    assertTrue(error.getMessage().contains("has folders of 0 classes"), error.getMessage());
  }

  /** Found when the folder is opened, not hours later; all of them in one message. */
  @Test
  void namesEveryFileThatIsNoPicture() throws IOException {
    for (String part : List.of("cat", "dog")) {
      picture(Files.createDirectories(folder.resolve(part)).resolve("a.png"), 1);
    }
    Files.writeString(folder.resolve("Thumbs.db"), "x");
    Files.writeString(folder.resolve("cat/b.gif"), "GIF89a");
    Files.writeString(folder.resolve("dog/c.jpg"), "RIFF....WEBPVP8 ");
    Files.write(
        folder.resolve("dog/d.jpg"),
        HexFormat.of().parseHex("ffd8ffe00004aabbffc0000b0c0001000101011100"));
    var error = assertThrows(FormatException.class, () -> open(COLOR));
    for (String part :
        List.of(
            "4 files are no readable pictures",
            "Thumbs.db (is no folder of a class)",
            "b.gif (a GIF picture)",
            "c.jpg (a WebP picture)",
            "d.jpg (a JPEG of 12 bits a sample)",
            "--skip-unreadable")) {
      assertTrue(error.getMessage().contains(part), error.getMessage());
    }
    try (DataSet set = DataSets.open(folder.toString(), COLOR, 10, true)) {
      assertEquals(2, set.train().size());
      assertEquals(4, set.skipped());
    }
  }

  @Test
  void readsTensors() throws IOException {
    Path file = folder.resolve("batch.safetensors");
    writeTensors(file, new long[] {2, 1, 1, 2}, 0, 9);
    try (DataSet set = DataSets.open(file.toString(), GREY, 10, false)) {
      assertArrayEquals(new float[] {3, 4}, image(set.train(), 1));
      assertEquals(9, set.train().label(1));
      assertTrue(set.test().isEmpty());
      assertEquals(Normalization.none(1), set.normalization());
    }
    String place = file.toString();
    writeTensors(file, new long[] {2, 1, 1, 2}, 0, 10);
    assertRefused(place, "tensor 'labels': element 1 is 10");
    writeTensors(file, new long[] {2, 1, 1, 2}, -1, 0);
    assertRefused(place, "tensor 'labels': element 0 is -1");
    writeTensors(file, new long[] {1, 1, 2, 2}, 0, 1);
    assertRefused(place, "tensor 'labels': is labels I64[2] for 1 images");
    writeTensors(file, new long[] {2, 2}, 0, 1);
    assertRefused(place, "tensor 'images': is images F32[2, 2]");
    new SafeTensorsWriter().add("x", DType.FP32, new long[] {0}, new float[0]).write(file);
    assertRefused(place, "has no tensor 'images'");
  }

  @Test
  void namesWhatIsNotThere() {
    var error =
        assertThrows(
            NoSuchFileException.class, () -> DataSets.open("no-such-set", GREY, 10, false));
    assertEquals("no-such-set", error.getFile());
  }

  /** Where Debian's package is installed. */
  @Test
  void findsFashionMnist() throws IOException {
    Assumptions.assumeTrue(
        Files.exists(Path.of("/usr/share/datasets/fashion-mnist")),
        "Debian's package dataset-fashion-mnist is not installed");
    try (DataSet set = DataSets.open("fashion-mnist", COLOR, 10, false)) {
      assertEquals(60_000, set.train().size());
      assertEquals(10_000, set.test().orElseThrow().size());
      // What everybody uses for it: 0.2860 and 0.3530.
      assertEquals(0.2860f * 255, set.normalization().mean().get(2), 0.02f);
      assertEquals(0.3530f * 255, 1 / set.normalization().scale().get(2), 0.02f);
      int[] count = new int[10];
      for (int i = 0; i < 60_000; i++) {
        count[set.train().label(i)]++;
      }
      assertArrayEquals(
          new int[] {6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000}, count);
    }
  }

  private DataSet open(Shape image) throws IOException {
    return DataSets.open(folder.toString(), image, 10, false);
  }

  private void assertRefusedIdx(String name, UnaryOperator<byte[]> damage, String reason)
      throws IOException {
    writeIdx(false);
    Path file = folder.resolve(name);
    Files.write(file, damage.apply(Files.readAllBytes(file)));
    assertRefused(GREY, name + ", " + reason);
  }

  private void assertRefused(Shape image, String reason) {
    var error = assertThrows(FormatException.class, () -> open(image));
    assertTrue(error.getMessage().contains(reason), error.getMessage());
  }

  private static void assertRefused(String place, String reason) {
    var error = assertThrows(FormatException.class, () -> DataSets.open(place, GREY, 10, false));
    assertTrue(error.getMessage().contains(reason), error.getMessage());
  }

  private static float[] image(ImageSet set, int index) throws IOException {
    float[] image = new float[(int) set.image().elements()];
    set.copy(index, MemorySegment.ofArray(image));
    return image;
  }

  /** Two images of 2 x 3 to train with, of 0 to 10 and 255; one to test with. */
  private void writeIdx(boolean packed) throws IOException {
    byte[] pixels = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, (byte) 255};
    write("train-images-idx3-ubyte", packed, idx(new int[] {0x803, 2, 2, 3}, pixels));
    write("train-labels-idx1-ubyte", packed, idx(new int[] {0x801, 2}, new byte[] {9, 7}));
    write("t10k-images-idx3-ubyte", packed, idx(new int[] {0x803, 1, 2, 3}, new byte[6]));
    write("t10k-labels-idx1-ubyte", packed, idx(new int[] {0x801, 1}, new byte[] {0}));
  }

  private void write(String name, boolean packed, byte[] bytes) throws IOException {
    Path file = folder.resolve(packed ? name + ".gz" : name);
    try (OutputStream to = Files.newOutputStream(file);
        OutputStream out = packed ? new GZIPOutputStream(to) : to) {
      out.write(bytes);
    }
  }

  private static byte[] idx(int[] head, byte[] body) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * head.length + body.length);
    Arrays.stream(head).forEach(bytes::putInt);
    return bytes.put(body).array();
  }

  private static byte[] with(byte[] bytes, int at, int value) {
    byte[] changed = bytes.clone();
    changed[at] = (byte) value;
    return changed;
  }

  /** Records whose pixels count up from the label. */
  private static byte[] cifar(int labelBytes, int... labels) {
    int record = labelBytes + 3072;
    byte[] bytes = new byte[record * labels.length];
    for (int i = 0; i < labels.length; i++) {
      bytes[i * record] = 17; // coarse, if there are two
      bytes[i * record + labelBytes - 1] = (byte) labels[i];
      for (int p = 0; p < 3072; p++) {
        bytes[i * record + labelBytes + p] = (byte) (labels[i] + p);
      }
    }
    return bytes;
  }

  private static void picture(Path file, int red) throws IOException {
    BufferedImage picture = new BufferedImage(50, 40, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 2000; i++) {
      picture.setRGB(i % 50, i / 50, red << 16 | red + 1 << 8 | red + 2);
    }
    ImageIO.write(picture, "png", file.toFile());
  }

  private static void writeTensors(Path file, long[] shape, long... labels) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(8 * labels.length).order(ByteOrder.LITTLE_ENDIAN);
    Arrays.stream(labels).forEach(bytes::putLong);
    MemorySegment data = MemorySegment.ofArray(bytes.array());
    assertEquals(labels[0], data.get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
    new SafeTensorsWriter()
        .add("images", DType.FP32, shape, new float[] {1, 2, 3, 4})
        .addRaw("labels", "I64", new long[] {labels.length}, data)
        .write(file);
  }
}
