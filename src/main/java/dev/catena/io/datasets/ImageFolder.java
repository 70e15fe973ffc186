package dev.catena.io.datasets;

import dev.catena.error.FormatException;
import dev.catena.graph.Shape;
import dev.catena.io.Image;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
   * val}, with a folder for each class; or these folders alone, to train with. The head of every
   * file is read.
   *
   * @param skipUnreadable whether to go on without files that are no readable pictures
   */
  static DataSet open(Path folder, int side, boolean skipUnreadable) throws IOException {
    Path train = Files.isDirectory(folder.resolve("train")) ? folder.resolve("train") : folder;
    List<String> unreadable = new ArrayList<>();
    List<String> classes = classes(train, unreadable);
    Optional<ImageSet> test = Optional.empty();
    for (String name : List.of("test", "val")) {
      Path part = folder.resolve(name);
      if (!train.equals(folder) && test.isEmpty() && Files.isDirectory(part)) {
        if (!classes(part, unreadable).equals(classes)) {
          throw new FormatException(
              part,
              "",
              "has not the classes of " + train,
              "Have a folder for each class in both, with equal names.");
        }
        test = Optional.of(part(part, classes, side, unreadable));
      }
    }
    ImageFolder pictures = part(train, classes, side, unreadable);
    if (!unreadable.isEmpty() && !skipUnreadable) {
      throw new FormatException(
          folder,
          "",
          "%d files are no readable pictures: %s"
              .formatted(unreadable.size(), String.join("; ", unreadable)),
          "Remove or convert them, or go on without them (--skip-unreadable).");
    }
    return new DataSet(
        folder.getFileName().toString(),
        classes.size(),
        pictures,
        test,
        Normalization.imagenet(),
        unreadable.size());
  }

  private static List<String> classes(Path folder, List<String> unreadable) throws IOException {
    List<String> classes = new ArrayList<>();
    for (Path path : visible(folder)) {
      if (Files.isDirectory(path)) {
        classes.add(path.getFileName().toString());
      } else {
        unreadable.add(path + " (is no folder of a class)");
      }
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

  private static ImageFolder part(
      Path folder, List<String> classes, int side, List<String> unreadable) throws IOException {
    List<Path> pictures = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    for (int label = 0; label < classes.size(); label++) {
      Path place = folder.resolve(classes.get(label));
      int before = pictures.size() + unreadable.size();
      for (Path picture : visible(place)) {
        Optional<String> refusal =
            Files.isRegularFile(picture) ? Image.refusal(picture) : Optional.of("is no file");
        if (refusal.isPresent()) {
          unreadable.add("%s (%s)".formatted(picture, refusal.get()));
        } else {
          pictures.add(picture);
          labels.add(label);
        }
      }
      if (pictures.size() + unreadable.size() == before) {
        throw new FormatException(
            place, "", "is empty", "Put pictures of the class there, or remove it.");
      }
    }
    return new ImageFolder(List.copyOf(pictures), List.copyOf(labels), side);
  }

  /** The entries of a folder by name, without hidden ones. */
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
    Image image = Image.read(pictures.get(index)).centerCrop(side * 8 / 7, side);
    byte[] rgb = image.rgb();
    int area = side * side;
    for (int i = 0; i < rgb.length; i++) {
      long at = (long) i % CHANNELS * area + i / CHANNELS;
      to.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, at, rgb[i] & 0xff);
    }
  }
}
