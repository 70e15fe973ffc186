package dev.catena.model;

import dev.catena.error.GraphException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Network;

/**
 * A network for images of one size, whatever size it was designed for or leaves open.
 *
 * @param network the network
 * @param height of an image in pixels
 * @param width of an image in pixels
 */
public record SizedNetwork(Network network, int height, int width) implements WrappedNetwork {
  /**
   * Height and width.
   *
   * @throws GraphException if they differ
   */
  @Override
  public int imageSize() {
    if (height != width) {
      throw new GraphException("images of %d x %d are not square".formatted(height, width));
    }
    return height;
  }

  /** Numbers of one image's result. */
  @Override
  public int classes() {
    return Math.toIntExact(graph(1, DType.FP32).outputs().getFirst().shape().elements());
  }

  @Override
  public Graph graph(int batch, DType dtype) {
    return network.graph(batch, height, width, dtype);
  }

  @Override
  public Graph trainingGraph(int batch, DType dtype) {
    return network.trainingGraph(batch, height, width, dtype);
  }

  @Override
  public Graph graph(int batch, int otherHeight, int otherWidth, DType dtype) {
    return network.graph(batch, otherHeight, otherWidth, dtype);
  }

  @Override
  public Graph trainingGraph(int batch, int otherHeight, int otherWidth, DType dtype) {
    return network.trainingGraph(batch, otherHeight, otherWidth, dtype);
  }
}
