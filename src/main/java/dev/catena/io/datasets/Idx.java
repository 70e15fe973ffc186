package dev.catena.io.datasets;

import dev.catena.error.FormatException;
import dev.catena.graph.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * MNIST's format, in which Fashion-MNIST comes too: big-endian magic, extents, then bytes; perhaps
 * gzip. Ten classes, grey images.
 *
 * @see <a href="https://github.com/zalandoresearch/fashion-mnist">Fashion-MNIST</a>
 */
final class Idx {
  private static final int LABELS = 0x0801;
  private static final int IMAGES = 0x0803;
  private static final int CLASSES = 10;
  private static final int MOST_PIXELS = 1 << 14;
  private static final String REMEDY = "Give the files of MNIST or Fashion-MNIST.";

  private Idx() {}

  /** True if {@code folder} holds such a set. */
  static boolean isIn(Path folder) {
    return Files.exists(file(folder, "train-images-idx3-ubyte"));
  }

  /** The set in {@code folder}. */
  static DataSet open(Path folder) throws IOException {
    ByteImages train = part(folder, "train");
    ByteImages test = part(folder, "t10k");
    if (!test.image().equals(train.image())) {
      throw new FormatException(
          file(folder, "t10k-images-idx3-ubyte"),
          "byte 8",
          "has images of %s, those to train with have %s".formatted(test.image(), train.image()),
          REMEDY);
    }
    String name = folder.getFileName().toString();
    return new DataSet(name, CLASSES, train, Optional.of(test), train.normalization());
  }

  private static ByteImages part(Path folder, String part) throws IOException {
    Path images = file(folder, part + "-images-idx3-ubyte");
    try (DataFile file = new DataFile(images)) {
      requireMagic(file, IMAGES);
      int count = extent(file, 4, Integer.MAX_VALUE);
      int height = extent(file, 8, MOST_PIXELS);
      int width = extent(file, 12, MOST_PIXELS);
      int stride = height * width;
      byte[] pixels = file.read((long) count * stride);
      file.requireEnd();
      byte[] labels = labels(file(folder, part + "-labels-idx1-ubyte"), images, count);
      return new ByteImages(pixels, 0, stride, Shape.nhwc(1, height, width, 1), labels);
    }
  }

  private static byte[] labels(Path path, Path images, int wanted) throws IOException {
    try (DataFile file = new DataFile(path)) {
      requireMagic(file, LABELS);
      int count = extent(file, 4, Integer.MAX_VALUE);
      if (count != wanted) {
        throw file.fail(
            "byte 4", "has %d labels, %s has %d images".formatted(count, images, wanted), REMEDY);
      }
      byte[] labels = file.read(count);
      file.requireEnd();
      for (int i = 0; i < count; i++) {
        if ((labels[i] & 0xff) >= CLASSES) {
          throw file.fail(
              "byte " + (8 + i),
              "the label of image %d is %d, there are %d classes"
                  .formatted(i, labels[i] & 0xff, CLASSES),
              REMEDY);
        }
      }
      return labels;
    }
  }

  private static void requireMagic(DataFile file, int wanted) throws IOException {
    int magic = file.readInt();
    if (magic != wanted) {
      throw file.fail(
          "byte 0", "the magic number is %08x, not %08x".formatted(magic, wanted), REMEDY);
    }
  }

  private static int extent(DataFile file, int at, int most) throws IOException {
    int extent = file.readInt();
    if (extent < 1 || extent > most) {
      throw file.fail("byte " + at, "an extent of " + Integer.toUnsignedString(extent), REMEDY);
    }
    return extent;
  }

  /** The packed one if the plain one is not there. */
  private static Path file(Path folder, String name) {
    Path packed = folder.resolve(name + ".gz");
    return Files.exists(packed) && !Files.exists(folder.resolve(name))
        ? packed
        : folder.resolve(name);
  }
}
