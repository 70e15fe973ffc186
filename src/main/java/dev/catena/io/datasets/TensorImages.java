package dev.catena.io.datasets;

import dev.catena.error.ModelFormatException;
import dev.catena.graph.Shape;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;

/**
 * Tensors {@code images} (N,C,H,W, F32) and {@code labels} (N, integers) of a safetensors file; to
 * test with, {@code test_images} and {@code test_labels} if they are there. The values are given to
 * networks as they are.
 */
final class TensorImages implements ImageSet {
  private static final String REMEDY =
      "Store `images` as F32 N,C,H,W and `labels` as N integers from 0.";
  private static final long MOST = 1 << 16;

  private final SafeTensors file;
  private final MemorySegment pixels;
  private final Shape image;
  private final long[] labels;

  private TensorImages(SafeTensors file, String prefix, int classes) {
    String name = prefix + "images";
    SafeTensors.Tensor images = file.tensor(name);
    long[] shape = images.shape();
    boolean fits =
        images.dtype().equals("F32")
            && shape.length == 4
            && shape[0] >= 1
            && shape[0] <= Integer.MAX_VALUE
            && Arrays.stream(shape).skip(1).allMatch(n -> n >= 1 && n <= MOST);
    if (!fits) {
      throw fail(file, name, "is " + images);
    }
    this.file = file;
    this.pixels = file.segment(name);
    this.image = Shape.nhwc(1, (int) shape[2], (int) shape[3], (int) shape[1]);
    this.labels = labels(file, prefix + "labels", shape[0], classes);
  }

  private static long[] labels(SafeTensors file, String name, long count, int classes) {
    long[] labels = file.longs(name);
    if (file.tensor(name).shape().length != 1 || labels.length != count) {
      throw fail(file, name, "is %s for %d images".formatted(file.tensor(name), count));
    }
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] < 0 || labels[i] >= classes) {
        throw fail(
            file, name, "element %d is %d, there are %d classes".formatted(i, labels[i], classes));
      }
    }
    return labels;
  }

  private static ModelFormatException fail(SafeTensors file, String tensor, String reason) {
    return new ModelFormatException(file.file(), "tensor '" + tensor + "'", reason, REMEDY);
  }

  /** The set in {@code path}; labels must be below {@code classes}. */
  static DataSet open(Path path, int classes) throws IOException {
    SafeTensors file = SafeTensors.open(path);
    try {
      TensorImages train = new TensorImages(file, "", classes);
      Optional<ImageSet> test = Optional.empty();
      if (file.tensors().containsKey("test_images")) {
        TensorImages other = new TensorImages(file, "test_", classes);
        if (!other.image.equals(train.image)) {
          throw fail(file, "test_images", "has another size than `images`");
        }
        test = Optional.of(other);
      }
      Normalization none = Normalization.none(train.image.c());
      return new DataSet(path.getFileName().toString(), classes, train, test, none);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public Shape image() {
    return image;
  }

  @Override
  public int label(int index) {
    return (int) labels[index];
  }

  @Override
  public void copy(int index, MemorySegment to) {
    long bytes = image.elements() * Float.BYTES;
    MemorySegment.copy(pixels, index * bytes, to, 0, bytes);
  }

  @Override
  public void close() {
    file.close();
  }
}
