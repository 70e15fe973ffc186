package dev.catena.graph;

/** A network's definition: makes its graph for a batch. Immutable and thread-safe. */
public interface Network {
  /** Its name in the catalogue. */
  String name();

  /** Channels of the images it takes. */
  int channels();

  /** Axes of the batches it takes: 4 for N,C,H,W, 3 for N,C,W, 2 for N,C. */
  default int axes() {
    return 4;
  }

  /** Height and width of the images it was designed for. */
  int imageSize();

  /** Number of classes that it tells apart. */
  int classes();

  /**
   * Its graph as the paper has it.
   *
   * @param batch images
   * @param height of an image in pixels
   * @param width of an image in pixels
   * @param dtype in which activations are stored
   * @throws dev.catena.error.GraphException if the image is too small for the network
   */
  Graph graph(int batch, int height, int width, DType dtype);

  /**
   * Its graph while it is trained, which may have auxiliary classifiers besides; with them, the
   * parameters of {@link #graph} and theirs.
   */
  default Graph trainingGraph(int batch, int height, int width, DType dtype) {
    return graph(batch, height, width, dtype);
  }

  /** Its graph for a batch of images of {@link #imageSize}. */
  default Graph graph(int batch, DType dtype) {
    return graph(batch, imageSize(), imageSize(), dtype);
  }

  /** Its graph while it is trained on a batch of images of {@link #imageSize}. */
  default Graph trainingGraph(int batch, DType dtype) {
    return trainingGraph(batch, imageSize(), imageSize(), dtype);
  }
}
