package dev.catena.model;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Value;
import java.util.List;

/**
 * Simonyan and Zisserman, arXiv 1409.1556, table 1. Weight names are torchvision's.
 *
 * @param name in the catalogue
 * @param convolutions 3x3 ones before each of the five pools, of 64, 128, 256, 512 and 512 channels
 * @param normalised whether a batch normalisation follows each convolution
 */
public record Vgg(String name, List<Integer> convolutions, boolean normalised)
    implements ImageNetClassifier {
  private static final List<Integer> WIDTHS = List.of(64, 128, 256, 512, 512);
  private static final int GRID = 7;
  private static final int HIDDEN = 4096;
  private static final float DROPOUT = 0.5f;

  public Vgg {
    convolutions = List.copyOf(convolutions);
  }

  @Override
  public Graph graph(int batch, int height, int width, DType dtype) {
    GraphBuilder g = new GraphBuilder(name, dtype);
    Value x = g.input(batch, channels(), height, width);
    int layer = 0;
    for (int stage = 0; stage < WIDTHS.size(); stage++) {
      for (int i = 0; i < convolutions.get(stage); i++) {
        x = g.biasedConv("features." + layer++, x, WIDTHS.get(stage), 3, 1, 1);
        x = normalised ? g.batchNorm("features." + layer++, x) : x;
        x = g.relu("features." + layer++, x);
      }
      x = g.maxPool("features." + layer++, x, 2, 2, 0);
    }
    x = g.flatten("flatten", g.adaptiveAveragePool("avgpool", x, GRID, GRID));
    x = g.relu("classifier.1", g.linear("classifier.0", x, HIDDEN));
    x = g.dropout("classifier.2", x, DROPOUT);
    x = g.relu("classifier.4", g.linear("classifier.3", x, HIDDEN));
    x = g.dropout("classifier.5", x, DROPOUT);
    return g.build(g.linear("classifier.6", x, classes()));
  }
}
