package dev.catena.io.datasets;

import dev.catena.graph.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * CIFAR's binary versions: records of one label (CIFAR-100: a coarse, then a fine one) and 3 x 32 x
 * 32 bytes.
 *
 * @param name for people
 * @param classes number of (fine) classes
 * @param labelBytes before the pixels; the last counts
 * @param folderName in which the archive unpacks
 * @param train files
 * @param test file
 * @see <a href="https://www.cs.toronto.edu/~kriz/cifar.html">The format</a>
 */
record Cifar(
    String name, int classes, int labelBytes, String folderName, List<String> train, String test) {
  private static final Shape IMAGE = Shape.nhwc(1, 32, 32, 3);
  private static final String REMEDY = "Give the files of CIFAR's binary version, as unpacked.";

  private static final List<Cifar> BOTH =
      List.of(
          new Cifar(
              "cifar-10",
              10,
              1,
              "cifar-10-batches-bin",
              List.of(
                  "data_batch_1.bin",
                  "data_batch_2.bin",
                  "data_batch_3.bin",
                  "data_batch_4.bin",
                  "data_batch_5.bin"),
              "test_batch.bin"),
          new Cifar("cifar-100", 100, 2, "cifar-100-binary", List.of("train.bin"), "test.bin"));

  /** The version in {@code folder}, or in the subfolder that the archive makes. */
  static Optional<DataSet> find(Path folder) throws IOException {
    for (Cifar version : BOTH) {
      for (Path place : List.of(folder, folder.resolve(version.folderName))) {
        if (Files.exists(place.resolve(version.train.getFirst()))) {
          return Optional.of(version.open(place));
        }
      }
    }
    return Optional.empty();
  }

  /** The version of so many classes, which must be there. */
  static DataSet open(Path folder, int classes) throws IOException {
    Cifar wanted = BOTH.stream().filter(c -> c.classes == classes).findFirst().orElseThrow();
    Path below = folder.resolve(wanted.folderName);
    return wanted.open(Files.isDirectory(below) ? below : folder);
  }

  private DataSet open(Path folder) throws IOException {
    ByteImages training = part(folder, train);
    ByteImages testing = part(folder, List.of(test));
    return new DataSet(name, classes, training, Optional.of(testing), training.normalization());
  }

  private ByteImages part(Path folder, List<String> names) throws IOException {
    int record = labelBytes + (int) IMAGE.elements();
    List<byte[]> files = new ArrayList<>();
    int total = 0;
    for (String file : names) {
      files.add(records(folder.resolve(file), record));
      total = Math.addExact(total, files.getLast().length);
    }
    byte[] all = new byte[total];
    int end = 0;
    for (byte[] file : files) {
      System.arraycopy(file, 0, all, end, file.length);
      end += file.length;
    }
    byte[] labels = new byte[total / record];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = all[i * record + labelBytes - 1];
    }
    return new ByteImages(all, labelBytes, record, IMAGE, labels);
  }

  private byte[] records(Path path, int record) throws IOException {
    try (DataFile file = new DataFile(path)) {
      long size = Files.size(path);
      if (size == 0 || size % record != 0) {
        throw file.fail(
            "byte " + size / record * record,
            "%d bytes are not whole records of %d".formatted(size, record),
            REMEDY);
      }
      byte[] bytes = file.read(size);
      for (int at = labelBytes - 1; at < bytes.length; at += record) {
        if ((bytes[at] & 0xff) >= classes) {
          throw file.fail(
              "byte " + at,
              "the label of image %d is %d, there are %d classes"
                  .formatted(at / record, bytes[at] & 0xff, classes),
              REMEDY);
        }
      }
      return bytes;
    }
  }
}
