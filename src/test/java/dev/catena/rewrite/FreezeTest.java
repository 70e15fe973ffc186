package dev.catena.rewrite;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.GraphException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.NamePatterns;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.model.Catalogue;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FreezeTest {
  @ParameterizedTest
  @CsvSource({
    "layer1, layer1.0.conv1.weight, true",
    "layer1, layer10.conv1.weight, false",
    "layer1, features.layer1.weight, false",
    "*.bias, layer1.0.bn1.bias, true",
    "*.bias, layer1.0.bn1.weight, false",
    "features.denseblock*, features.denseblock3.denselayer1.conv1.weight, true",
    "features.denseblock*, features.norm5.weight, false",
    "fc.weight, fc.weight, true",
    "f.weight, fc.weight, false",
    "f*t, fc.weight, true",
    "*, fc.weight, true",
  })
  void aPatternIsANameALayerOrEitherWithStars(String pattern, String name, boolean matches) {
    assertEquals(matches, new NamePatterns(List.of(pattern)).matches(name));
  }

  @ParameterizedTest
  @CsvSource({
    "resnet50, 'fc.weight,fc.bias'",
    "densenet121, 'classifier.weight,classifier.bias'",
    "vgg11, 'classifier.0.weight,classifier.0.bias,classifier.3.weight,classifier.3.bias,"
        + "classifier.6.weight,classifier.6.bias'",
    "googlenet, 'aux1.fc2.weight,aux1.fc2.bias,aux2.fc2.weight,aux2.fc2.bias,fc.weight,fc.bias'",
  })
  void featuresLeavesTheClassifier(String network, String trained) {
    Graph graph = Catalogue.find(network).orElseThrow().trainingGraph(1, DType.FP32);
    Graph frozen = new Freeze(List.of("features")).apply(graph);
    List<String> names = frozen.trainable().stream().map(Node::name).toList();
    assertEquals(List.of(trained.split(",")), names);
    assertEquals(graph.parameterCount(), frozen.parameterCount());
    assertTrue(frozen.nodes().stream().noneMatch(node -> node.op() instanceof Op.BatchNorm));
  }

  @Test
  void aPatternThatMatchesNothingIsRefusedWithWhatThereIs() {
    Graph graph = Catalogue.find("resnet18").orElseThrow().graph(1, DType.FP32);
    Freeze freeze = new Freeze(List.of("layer1", "layer5"));
    GraphException e = assertThrows(GraphException.class, () -> freeze.apply(graph));
    assertEquals(
        "resnet18 has no parameter 'layer5'; its parameters belong to conv1, bn1, layer1, layer2,"
            + " layer3, layer4, fc",
        e.getMessage());
  }

  @Test
  void somethingIsLeftToTrain() {
    Graph graph = Catalogue.find("resnet18").orElseThrow().graph(1, DType.FP32);
    Freeze freeze = new Freeze(List.of("*"));
    GraphException e = assertThrows(GraphException.class, () -> freeze.apply(graph));
    assertTrue(e.getMessage().contains("nothing is left to train"), e.getMessage());
  }
}
