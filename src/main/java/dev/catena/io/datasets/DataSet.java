package dev.catena.io.datasets;

import dev.catena.graph.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Images to train with and, of the same size and classes, images to test with. Thread-safe.
 *
 * @param name for people
 * @param classes labels are below
 * @param train the images to train with
 * @param test others to test with, if there are any
 * @param normalization what the network is to be given of the stored values
 * @param skipped files that were left out because they are no readable pictures
 */
public record DataSet(
    String name,
    int classes,
    ImageSet train,
    Optional<ImageSet> test,
    Normalization normalization,
    int skipped)
    implements AutoCloseable {
  /** One of which no file was left out. */
  DataSet(
      String name,
      int classes,
      ImageSet train,
      Optional<ImageSet> test,
      Normalization normalization) {
    this(name, classes, train, test, normalization, 0);
  }

  /** Shape of one image, N = 1. */
  public Shape image() {
    return train.image();
  }

  /**
   * Full batches of an epoch of training.
   *
   * @throws IllegalArgumentException if there are too few images for one
   */
  public int epochSteps(int batch) {
    int steps = train.size() / batch;
    if (steps == 0) {
      throw new IllegalArgumentException(
          "%d images make no batch of %d; take a smaller batch".formatted(train.size(), batch));
    }
    return steps;
  }

  /**
   * The same with so many channels: grey images are repeated in each.
   *
   * @throws IllegalArgumentException if neither has the images so many, nor one
   */
  public DataSet withChannels(int channels) {
    int stored = image().c();
    if (stored == channels) {
      return this;
    } else if (stored != 1) {
      throw new IllegalArgumentException(
          "%s has images of %d channels, wanted are %d".formatted(name, stored, channels));
    }
    return new DataSet(
        name,
        classes,
        new Repeated(train, channels),
        test.map(t -> new Repeated(t, channels)),
        normalization.repeated(channels),
        skipped);
  }

  /** Closes both parts. */
  @Override
  public void close() {
    train.close();
    test.ifPresent(ImageSet::close);
  }

  /** Grey images, their channel given several times. */
  private record Repeated(ImageSet grey, int channels) implements ImageSet {
    @Override
    public int size() {
      return grey.size();
    }

    @Override
    public Shape image() {
      return grey.image().withChannels(channels);
    }

    @Override
    public int label(int index) {
      return grey.label(index);
    }

    @Override
    public void copy(int index, MemorySegment to) throws IOException {
      long plane = to.byteSize() / channels;
      grey.copy(index, to.asSlice(0, plane));
      for (int c = 1; c < channels; c++) {
        MemorySegment.copy(to, 0, to, c * plane, plane);
      }
    }

    @Override
    public void close() {
      grey.close();
    }
  }
}
