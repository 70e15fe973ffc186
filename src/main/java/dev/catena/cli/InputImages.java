package dev.catena.cli;

import dev.catena.Model;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.Network;
import dev.catena.io.Image;
import dev.catena.io.Preprocessing;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The input of a network.
 *
 * @param pixels fp32, in the order N,C,H,W
 * @param height of each image
 * @param width of each image
 * @param names one for each image
 */
record InputImages(MemorySegment pixels, int height, int width, List<String> names) {
  private static final long MOST = 1 << 20;

  int count() {
    return names.size();
  }

  /** Pictures, prepared as a file beside the weights says, else as torchvision does. */
  static InputImages pictures(List<Path> files, Model model, Arena arena) throws IOException {
    Network network = model.network();
    int size = network.imageSize();
    long bytes = (long) network.channels() * size * size * Float.BYTES;
    Preprocessing preprocessing =
        model
            .preprocessing()
            .filter(how -> how.crop() == size)
            .orElseGet(() -> Preprocessing.imageNet(size));
    MemorySegment pixels = arena.allocate(bytes * files.size(), 64);
    for (int i = 0; i < files.size(); i++) {
      preprocessing.apply(Image.read(files.get(i)), pixels.asSlice(i * bytes, bytes));
    }
    return new InputImages(pixels, size, size, files.stream().map(Path::toString).toList());
  }

  /** The tensor {@code input} of a file. */
  static InputImages tensor(Path input, Network network, Arena arena) throws IOException {
    try (SafeTensors file = SafeTensors.open(input)) {
      if (!file.tensors().containsKey("input")) {
        throw new ModelFormatException(
            input,
            "",
            "has no tensor named input, only " + String.join(", ", file.tensors().keySet()),
            "Save the images as `input`, fp32 N,C,H,W.");
      }
      SafeTensors.Tensor tensor = file.tensor("input");
      int axes = network.axes();
      long[] shape = withAxes(axes, tensor.shape());
      boolean fits =
          shape.length == axes
              && (axes < 2 || shape[1] == network.channels())
              && IntStream.range(0, axes)
                  .allMatch(i -> i == 1 || shape[i] >= 1 && shape[i] <= MOST);
      if (!fits) {
        String channels = axes < 2 ? "" : "," + network.channels();
        String size = List.of("", "", "", ",W", ",H,W").get(axes);
        throw new ModelFormatException(
            input,
            "tensor 'input'",
            "has the shape " + Arrays.toString(tensor.shape()),
            "%s takes N%s%s.".formatted(network.name(), channels, size));
      }
      int height = axes > 3 ? (int) shape[2] : 1;
      int width = axes > 2 ? (int) shape[axes - 1] : 1;
      MemorySegment pixels = arena.allocate(tensor.elements() * Float.BYTES, 64);
      file.floats("input", pixels);
      List<String> names = IntStream.range(0, (int) shape[0]).mapToObj(i -> "image " + i).toList();
      return new InputImages(pixels, height, width, names);
    }
  }

  /** Without the axes of N,C,1,W or N,C,1,1 that a network of fewer does not have. */
  private static long[] withAxes(int axes, long[] shape) {
    if (shape.length != 4 || axes == 4) {
      return shape;
    }
    long[] fewer = new long[axes];
    System.arraycopy(shape, 0, fewer, 0, Math.min(axes, 2));
    if (axes == 3) {
      fewer[2] = shape[3];
    }
    return Arrays.stream(fewer).reduce(1, (a, b) -> a * b)
            == Arrays.stream(shape).reduce(1, (a, b) -> a * b)
        ? fewer
        : shape;
  }
}
