package dev.catena.io.datasets;

import dev.catena.error.FormatException;
import dev.catena.graph.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** Finds out what a data set is. */
public final class DataSets {
  /** Where Debian's packages {@code dataset-…} put theirs. */
  private static final Path INSTALLED = Path.of("/usr/share/datasets");

  private DataSets() {}

  /**
   * Opens a data set: a safetensors file; a folder with the files of Fashion-MNIST, CIFAR-10 or
   * CIFAR-100; a folder of pictures with a folder for each class; or the name of a set that the
   * system has installed, such as {@code fashion-mnist}.
   *
   * @param place a path, or a name
   * @param image the shape that the network was made for, N = 1: grey images become its channels,
   *     pictures its size, others keep theirs
   * @param classes the number of classes that the network tells apart
   * @param skipUnreadable whether to go on without files of a folder that are no readable pictures;
   *     {@link DataSet#skipped} counts them
   * @throws IOException if it cannot be read
   * @throws FormatException naming file and place if something about it is wrong, or does not fit
   *     the network
   */
  public static DataSet open(String place, Shape image, int classes, boolean skipUnreadable)
      throws IOException {
    Path path = Path.of(place);
    Path installed = INSTALLED.resolve(place);
    if (!Files.exists(path) && !Files.isDirectory(installed)) {
      throw new NoSuchFileException(
          place, null, "there is no such file or folder, nor " + installed);
    }
    Path there = Files.exists(path) ? path : installed;
    DataSet found = open(there, image.h(), classes, skipUnreadable);
    try {
      if (found.classes() > classes) {
        throw new FormatException(
            path,
            "",
            "has %d classes, the network tells only %d apart".formatted(found.classes(), classes),
            "Take data and a network that fit.");
      } else if (found.image().c() != image.c() && found.image().c() != 1) {
        throw new FormatException(
            path,
            "",
            "has images %s, the network takes %d channels".formatted(found.image(), image.c()),
            "Take data and a network that fit.");
      }
      return found.withChannels(image.c());
    } catch (FormatException e) {
      found.close();
      throw e;
    }
  }

  private static DataSet open(Path path, int side, int classes, boolean skipUnreadable)
      throws IOException {
    if (Files.isRegularFile(path)) {
      return TensorImages.open(path, classes);
    } else if (Idx.isIn(path)) {
      return Idx.open(path.toRealPath());
    }
    Optional<DataSet> cifar = Cifar.find(path);
    return cifar.isPresent()
        ? cifar.get()
        : ImageFolder.open(path.toRealPath(), side, skipUnreadable);
  }
}
