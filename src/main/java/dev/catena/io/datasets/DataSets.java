package dev.catena.io.datasets;

import dev.catena.error.FormatException;
import dev.catena.graph.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** Opens data sets, and finds out what one is. */
public final class DataSets {
  /** The folder of Debian's packages {@code dataset-…}. */
  private static final Path INSTALLED = Path.of("/usr/share/datasets");

  private DataSets() {}

  /**
   * CIFAR-10 in its binary version: 32 x 32 pixels, 10 classes, 50,000 and 10,000 images.
   *
   * @param folder with the files, or with the folder that the archive makes
   * @throws IOException if a file is missing or cannot be read
   * @throws FormatException naming file and place if one is damaged
   */
  public static DataSet cifar10(Path folder) throws IOException {
    return Cifar.open(folder, 10);
  }

  /** CIFAR-100 with its 100 fine classes; otherwise as {@link #cifar10}. */
  public static DataSet cifar100(Path folder) throws IOException {
    return Cifar.open(folder, 100);
  }

  /**
   * MNIST or Fashion-MNIST, perhaps packed by gzip: 28 x 28 grey pixels, 10 classes.
   *
   * @throws IOException if a file is missing or cannot be read
   * @throws FormatException naming file and place if one is damaged
   */
  public static DataSet mnist(Path folder) throws IOException {
    return Idx.open(folder.toRealPath());
  }

  /**
   * PNG and JPEG pictures in a folder for each class, or in {@code train} and {@code test} (or
   * {@code val}) folders of that form; the middle {@code side} x {@code side} pixels of each.
   *
   * @throws IOException if a file cannot be read
   * @throws FormatException naming files that are no readable pictures
   */
  public static DataSet pictures(Path folder, int side) throws IOException {
    return ImageFolder.open(folder.toRealPath(), side, false);
  }

  /**
   * Tensors {@code images} (N,C,H,W, fp32) and {@code labels} (N integers below {@code classes}) of
   * a safetensors file; to test with, {@code test_images} and {@code test_labels}.
   *
   * @throws IOException if the file cannot be read
   * @throws FormatException naming tensor and element if something about it is wrong
   */
  public static DataSet tensors(Path file, int classes) throws IOException {
    return TensorImages.open(file, classes);
  }

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
