package dev.catena.io.datasets;

import dev.catena.graph.Shape;
import dev.catena.io.FormatException;
import dev.catena.io.Image;
import dev.catena.io.Images;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Pictures in a folder for each class; classes are numbered in the order of their names. Read when
 * they are copied: the middle square, 8/7 of the size cut to the size, as for inference.
 *
 * @param pictures all files
 * @param labels of each
 * @param side of the images in pixels
 */
record ImageFolder(List<Path> pictures, List<Integer> labels, int side) implements ImageSet {
  private static final int CHANNELS = 3;

  /**
   * The set in {@code folder}: subfolders {@code train} and, to test with, {@code test} or {@code
   * val}, with a folder for each class; or these folders alone, to train with.
   */
  static DataSet open(Path folder, int side) throws IOException {
    Path train = Files.isDirectory(folder.resolve("train")) ? folder.resolve("train") : folder;
    List<String> classes = classes(train);
    Optional<ImageSet> test = Optional.empty();
    for (String name : List.of("test", "val")) {
      Path part = folder.resolve(name);
      if (!train.equals(folder) && test.isEmpty() && Files.isDirectory(part)) {
        if (!classes(part).equals(classes)) {
          throw new FormatException(
              part,
              "",
              "has not the classes of " + train,
              "Have a folder for each class in both, with equal names.");
        }
        test = Optional.of(part(part, classes, side));
      }
    }
    return new DataSet(
        folder.getFileName().toString(),
        classes.size(),
        part(train, classes, side),
        test,
        Normalization.imagenet());
  }

  private static List<String> classes(Path folder) throws IOException {
    List<String> classes = new ArrayList<>();
    for (Path path : visible(folder)) {
      if (!Files.isDirectory(path)) {
        throw new FormatException(
            path, "", "is no folder of a class", "Put pictures into a folder for each class.");
      }
      classes.add(path.getFileName().toString());
    }
    if (classes.size() < 2) {
      throw new FormatException(
          folder,
          "",
          "has folders of %d classes".formatted(classes.size()),
          "Put pictures into a folder for each class, at least two.");
    }
    return classes;
  }

  private static ImageFolder part(Path folder, List<String> classes, int side) throws IOException {
    List<Path> pictures = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (int label = 0; label < classes.size(); label++) {
      Path place = folder.resolve(classes.get(label));
      List<Path> found = visible(place);
      if (found.isEmpty()) {
        throw new FormatException(
            place, "", "is empty", "Put pictures of the class there, or remove it.");
      }
      for (Path picture : found) {
        String name = picture.toString().toLowerCase(Locale.ROOT);
        if (!Files.isRegularFile(picture)
            || Stream.of(".png", ".jpg", ".jpeg").noneMatch(name::endsWith)) {
          throw new FormatException(
              picture, "", "is no PNG or JPEG file", "Remove it from the folder of the class.");
        }
        pictures.add(picture);
        labels.add(label);
      }
    }
    return new ImageFolder(List.copyOf(pictures), List.copyOf(labels), side);
  }

  /** What is in a folder, by name; hidden files are left out. */
  private static List<Path> visible(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(p -> !p.getFileName().toString().startsWith(".")).sorted().toList();
    }
  }

  @Override
  public int size() {
    return pictures.size();
  }

  @Override
  public Shape image() {
    return Shape.nhwc(1, side, side, CHANNELS);
  }

  @Override
  public int label(int index) {
    return labels.get(index);
  }

  @Override
  public void copy(int index, MemorySegment to) throws IOException {
    Image image = Images.centerCrop(Images.read(pictures.get(index)), side * 8 / 7, side);
    byte[] rgb = image.rgb();
    int area = side * side;
    for (int i = 0; i < rgb.length; i++) {
      long at = (long) i % CHANNELS * area + i / CHANNELS;
      to.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, at, rgb[i] & 0xff);
    }
  }
}
