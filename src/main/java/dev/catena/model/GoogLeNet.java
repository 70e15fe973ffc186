package dev.catena.model;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Value;
import java.util.List;

/**
 * Inception, Szegedy et al., arXiv 1409.4842, table 1, with batch normalisation as torchvision has
 * it, whose names its weights have; there the largest kernel of a module is 3x3, not 5x5.
 *
 * @param name in the catalogue
 */
public record GoogLeNet(String name) implements ImageNetClassifier {
  private static final float EPSILON = 1e-3f;
  private static final float DROPOUT = 0.2f;
  private static final float AUXILIARY_DROPOUT = 0.7f;
  private static final float AUXILIARY_WEIGHT = 0.3f;

  @Override
  public Graph graph(int batch, int height, int width, DType dtype) {
    return graph(batch, height, width, dtype, false);
  }

  /** With the auxiliary classifiers of section 5, as deep as torchvision has them. */
  @Override
  public Graph trainingGraph(int batch, int height, int width, DType dtype) {
    return graph(batch, height, width, dtype, true);
  }

  private Graph graph(int batch, int height, int width, DType dtype, boolean training) {
    GraphBuilder g = new GraphBuilder(name, dtype);
    Value x = conv(g, "conv1", g.input(batch, channels(), height, width), 64, 7, 2);
    x = g.ceilMaxPool("maxpool1", x, 3, 2, 0);
    x = conv(g, "conv2", x, 64, 1, 1);
    x = conv(g, "conv3", x, 192, 3, 1);
    x = g.ceilMaxPool("maxpool2", x, 3, 2, 0);
    x = inception(g, "inception3a", x, 64, 96, 128, 16, 32, 32);
    x = inception(g, "inception3b", x, 128, 128, 192, 32, 96, 64);
    x = g.ceilMaxPool("maxpool3", x, 3, 2, 0);
    x = inception(g, "inception4a", x, 192, 96, 208, 16, 48, 64);
    if (training) {
      auxiliary(g, "aux1", x);
    }
    x = inception(g, "inception4b", x, 160, 112, 224, 24, 64, 64);
    x = inception(g, "inception4c", x, 128, 128, 256, 24, 64, 64);
    x = inception(g, "inception4d", x, 112, 144, 288, 32, 64, 64);
    if (training) {
      auxiliary(g, "aux2", x);
    }
    x = inception(g, "inception4e", x, 256, 160, 320, 32, 128, 128);
    x = g.ceilMaxPool("maxpool4", x, 2, 2, 0);
    x = inception(g, "inception5a", x, 256, 160, 320, 32, 128, 128);
    x = inception(g, "inception5b", x, 384, 192, 384, 48, 128, 128);
    x = g.dropout("dropout", g.globalAveragePool("avgpool", x), DROPOUT);
    return g.build(g.linear("fc", x, classes()));
  }

  /** A row of the table: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj. */
  private static Value inception(
      GraphBuilder g, String m, Value x, int one, int in3, int three, int in5, int five, int pool) {
    Value branch1 = conv(g, m + ".branch1", x, one, 1, 1);
    Value branch2 = conv(g, m + ".branch2.0", x, in3, 1, 1);
    branch2 = conv(g, m + ".branch2.1", branch2, three, 3, 1);
    Value branch3 = conv(g, m + ".branch3.0", x, in5, 1, 1);
    branch3 = conv(g, m + ".branch3.1", branch3, five, 3, 1);
    Value branch4 = g.ceilMaxPool(m + ".branch4.0", x, 3, 1, 1);
    branch4 = conv(g, m + ".branch4.1", branch4, pool, 1, 1);
    return g.concat(m, List.of(branch1, branch2, branch3, branch4));
  }

  private void auxiliary(GraphBuilder g, String aux, Value x) {
    x = conv(g, aux + ".conv", g.adaptiveAveragePool(aux + ".pool", x, 4, 4), 128, 1, 1);
    x = g.linear(aux + ".fc1", g.flatten(aux + ".flatten", x), 1024);
    x = g.dropout(aux + ".dropout", g.relu(aux + ".relu", x), AUXILIARY_DROPOUT);
    g.auxiliary(aux, g.linear(aux + ".fc2", x, classes()), AUXILIARY_WEIGHT);
  }

  private static Value conv(
      GraphBuilder g, String layer, Value x, int channels, int kernel, int stride) {
    x = g.conv(layer + ".conv", x, channels, kernel, stride, kernel / 2);
    return g.relu(layer + ".relu", g.batchNorm(layer + ".bn", x, EPSILON));
  }
}
