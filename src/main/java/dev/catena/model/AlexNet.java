package dev.catena.model;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Op;
import dev.catena.graph.Value;

/**
 * AlexNet: as it was trained on two GPUs, Krizhevsky, Sutskever and Hinton, 2012, figure 2, and on
 * one, Krizhevsky, arXiv 1404.5997, as torchvision has it, whose names its weights have.
 *
 * @param name in the catalogue
 * @param original in two groups, with local response normalisation
 */
public record AlexNet(String name, boolean original) implements ImageNetClassifier {
  private static final int GRID = 6;
  private static final int HIDDEN = 4096;
  private static final float DROPOUT = 0.5f;

  @Override
  public Graph graph(int batch, int height, int width, DType dtype) {
    GraphBuilder g = new GraphBuilder(name, dtype);
    Value x = g.input(batch, channels(), height, width);
    return g.build(original ? twoGroups(g, x) : one(g, x));
  }

  private Value one(GraphBuilder g, Value x) {
    x = g.relu("features.1", g.biasedConv("features.0", x, 64, 11, 4, 2));
    x = g.maxPool("features.2", x, 3, 2, 0);
    x = g.relu("features.4", g.biasedConv("features.3", x, 192, 5, 1, 2));
    x = g.maxPool("features.5", x, 3, 2, 0);
    x = g.relu("features.7", g.biasedConv("features.6", x, 384, 3, 1, 1));
    x = g.relu("features.9", g.biasedConv("features.8", x, 256, 3, 1, 1));
    x = g.relu("features.11", g.biasedConv("features.10", x, 256, 3, 1, 1));
    x = g.maxPool("features.12", x, 3, 2, 0);
    x = g.flatten("flatten", g.adaptiveAveragePool("avgpool", x, GRID, GRID));
    x = g.dropout("classifier.0", x, DROPOUT);
    x = g.relu("classifier.2", g.linear("classifier.1", x, HIDDEN));
    x = g.dropout("classifier.3", x, DROPOUT);
    x = g.relu("classifier.5", g.linear("classifier.4", x, HIDDEN));
    return g.linear("classifier.6", x, classes());
  }

  private Value twoGroups(GraphBuilder g, Value x) {
    x = normalise(g, "norm1", g.relu("relu1", g.biasedConv("conv1", x, 96, 11, 4, 2)));
    x = g.maxPool("pool1", x, 3, 2, 0);
    x = normalise(g, "norm2", g.relu("relu2", grouped(g, "conv2", x, 256, 5)));
    x = g.maxPool("pool2", x, 3, 2, 0);
    x = g.relu("relu3", g.biasedConv("conv3", x, 384, 3, 1, 1));
    x = g.relu("relu4", grouped(g, "conv4", x, 384, 3));
    x = g.relu("relu5", grouped(g, "conv5", x, 256, 3));
    x = g.flatten("flatten", g.maxPool("pool5", x, 3, 2, 0));
    x = g.dropout("drop6", g.relu("relu6", g.linear("fc6", x, HIDDEN)), DROPOUT);
    x = g.dropout("drop7", g.relu("relu7", g.linear("fc7", x, HIDDEN)), DROPOUT);
    return g.linear("fc8", x, classes());
  }

  /** Each half of the outputs sees the half of the inputs that is on its own GPU. */
  private static Value grouped(GraphBuilder g, String layer, Value x, int channels, int kernel) {
    Op.Conv conv = Op.Conv.of(kernel, 1, kernel / 2).withEpilogue(true, false);
    return g.conv(layer, x, channels, conv.withGroups(2));
  }

  /** Section 3.3: n = 5, k = 2, α = 1e-4 for each of the n, β = ¾. */
  private static Value normalise(GraphBuilder g, String layer, Value x) {
    return g.localResponseNorm(layer, x, 5, 5e-4f, 0.75f, 2);
  }
}
