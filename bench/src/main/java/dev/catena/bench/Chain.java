package dev.catena.bench;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Network;
import dev.catena.graph.Value;

/**
 * One piece of a network, again and again after a stem.
 *
 * @param imageSize height and width
 * @param classes channels of the stem; of the result, unless the links change them
 * @param links how often
 */
record Chain(String name, int imageSize, int classes, int links, Link link) implements Network {
  /** Channels of the image. */
  private static final int CHANNELS = 8;

  /** A piece. */
  @FunctionalInterface
  interface Link {
    /** Appends itself, the {@code i}th, to {@code x}. */
    Value append(GraphBuilder b, int i, Value x);
  }

  @Override
  public int channels() {
    return CHANNELS;
  }

  @Override
  public Graph graph(int batch, int height, int width, DType dtype) {
    GraphBuilder b = new GraphBuilder(name, dtype);
    Value x = b.conv("stem", b.input(batch, CHANNELS, height, width), classes, 1, 1, 0);
    for (int i = 0; i < links; i++) {
      x = link.append(b, i, x);
    }
    return b.build(b.globalAveragePool("pool", x));
  }
}
