package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.catena.Models;
import dev.catena.Parameters;
import dev.catena.graph.DType;
import dev.catena.graph.Node;
import dev.catena.io.SafeTensors;
import dev.catena.io.SafeTensorsWriter;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import javax.imageio.ImageIO;

/** Weights, tensors and pictures for the commands. */
public final class Samples {
  /** Height and width of the images to train with. */
  static final int SIDE = 8;

  private Samples() {}

  /** Sound weights of the small network. */
  static Path weights(Path file) throws IOException {
    return weights(file, _ -> true);
  }

  /** Sound weights of a network of the catalogue. */
  static void weights(String model, Path file) throws IOException {
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (Node node : Models.get(model).network().graph(1, DType.FP32).parameters()) {
      add(writer, node, Parameters.initial(7).values(node));
    }
    writer.write(file);
  }

  /** CIFAR-10 with five times {@code count} images of noise, and two to test with. */
  public static void cifar10(Path folder, int count) throws IOException {
    for (int part = 1; part <= 6; part++) {
      int images = part == 6 ? 2 : count;
      byte[] records = new byte[images * (1 + 3 * 32 * 32)];
      new Random(part).nextBytes(records);
      for (int i = 0; i < images; i++) {
        records[i * (records.length / images)] = (byte) ((part + i) % 10);
      }
      String name = part == 6 ? "test_batch.bin" : "data_batch_" + part + ".bin";
      Files.write(folder.resolve(name), records);
    }
  }

  /** Those of the small network's weights whose names are {@code kept}. */
  static Path weights(Path file, Predicate<String> kept) throws IOException {
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (Node node : parameters()) {
      if (kept.test(node.name())) {
        add(writer, node, Parameters.initial(7).values(node));
      }
    }
    writer.write(file);
    return file;
  }

  /** Weights of the small network whose classifier adds infinity. */
  static Path infiniteWeights(Path file) throws IOException {
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (Node node : parameters()) {
      float[] values = Parameters.initial(7).values(node);
      if (node.name().equals("classifier.bias")) {
        Arrays.fill(values, Float.POSITIVE_INFINITY);
      }
      add(writer, node, values);
    }
    writer.write(file);
    return file;
  }

  static void add(SafeTensorsWriter writer, Node node, float[] values) {
    writer.add(
        node.name(),
        DType.FP32,
        node.output().shape().dims().stream().mapToLong(Integer::longValue).toArray(),
        values);
  }

  static List<Node> parameters() {
    return Models.get(Cli.MODEL).network().graph(1, DType.FP32).parameters();
  }

  /** A file with random numbers as the tensor {@code name}. */
  static Path tensor(Path file, String name, long... shape) throws IOException {
    new SafeTensorsWriter().add(name, DType.FP32, shape, random(shape)).write(file);
    return file;
  }

  static float[] random(long... shape) {
    SplittableRandom random = new SplittableRandom(3);
    float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** A picture of colours that vary with {@code seed}. */
  static Path picture(Path file, int width, int height, int seed) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    SplittableRandom random = new SplittableRandom(seed);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, random.nextInt(1 << 24));
      }
    }
    ImageIO.write(image, "png", file.toFile());
    return file;
  }

  /**
   * Small images to train and to test with; after the first two labels, each is the image's number.
   */
  static Path images(Path file, int count, int first, int second) throws IOException {
    SplittableRandom random = new SplittableRandom(1);
    float[] pixels = new float[count * 3 * SIDE * SIDE];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (float) random.nextDouble(-1, 1);
    }
    byte[] labels = new byte[count];
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) (i == 0 ? first : i == 1 ? second : i);
    }
    SafeTensorsWriter writer = new SafeTensorsWriter();
    long[] shape = {count, 3, SIDE, SIDE};
    for (String prefix : List.of("", "test_")) {
      writer.add(prefix + "images", DType.FP32, shape, pixels);
      writer.addRaw(prefix + "labels", "U8", new long[] {count}, MemorySegment.ofArray(labels));
    }
    writer.write(file);
    return file;
  }

  /** Asserts that two files hold the same tensors, bit for bit, and the same metadata. */
  public static void assertSame(Path a, Path b) throws IOException {
    try (SafeTensors one = SafeTensors.open(a);
        SafeTensors other = SafeTensors.open(b)) {
      assertEquals(one.tensors(), other.tensors());
      assertEquals(one.metadata(), other.metadata());
      for (String name : one.tensors().keySet()) {
        assertArrayEquals(one.floats(name), other.floats(name), name);
      }
    }
  }
}
