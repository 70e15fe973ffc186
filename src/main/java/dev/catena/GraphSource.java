package dev.catena;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;

/** Makes a network's graph for any batch; the definition is the same for all. */
@FunctionalInterface
interface GraphSource {
  /**
   * The graph as the paper has it.
   *
   * @param batch images
   * @param height of an image, or 0 for the network's own
   * @param width of an image, or 0 for the network's own
   * @param dtype in which activations are stored
   */
  Graph graph(int batch, int height, int width, DType dtype);
}
