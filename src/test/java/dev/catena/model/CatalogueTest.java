package dev.catena.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.GraphException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Network;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CatalogueTest {
  /** Parameter counts of the papers' and torchvision's definitions. */
  @ParameterizedTest
  @CsvSource({
    "densenet121, 7978856",
    "densenet169, 14149480",
    "densenet201, 20013928",
    "densenet161, 28681000",
    "densenet-40-12, 1019722",
    "densenet-100-12, 6979642",
    "densenet-100-24, 27249082",
    "densenet-bc-40-12, 176122",
    "densenet-bc-100-12, 769162",
    "densenet-bc-250-24, 15324406",
    "densenet-bc-190-40, 25624430",
  })
  void parameterCounts(String name, long parameters) {
    Network network = Catalogue.find(name).orElseThrow();
    assertEquals(parameters, network.graph(1, DType.FP32).parameterCount());
  }

  @Test
  void auxiliaryClassifiersAreThereInTrainingAlone() {
    Network googlenet = Catalogue.find("googlenet").orElseThrow();
    assertEquals(6_624_904, googlenet.graph(1, DType.FP32).parameterCount());
    Graph training = googlenet.trainingGraph(1, 224, 224, DType.FP32);
    assertEquals(13_004_888, training.parameterCount());
  }

  @Test
  void multiplyAddsOfDenseNet121() {
    assertEquals(
        2_834_161_664L,
        Catalogue.find("densenet121").orElseThrow().graph(1, DType.FP32).multiplyAdds());
  }

  /** The same network under the names of its options; one with all of them. */
  @ParameterizedTest
  @CsvSource({
    "preresnet-110, preresnet-110-full-preactivation",
    "resnet-110, resnet-110-original",
    "resnet50, resnet50-projection",
    "pyramidnet-110-a48, pyramidnet-110-a48-averaged-zeros",
    "se-resnet-110-depth, se-resnet-110-depth-original",
  })
  void optionsAreInTheName(String name, String same) {
    Network network = Catalogue.find(same).orElseThrow();
    assertEquals(same, network.name());
    String graph = network.graph(1, DType.FP32).toString();
    assertEquals(
        Catalogue.find(name).orElseThrow().graph(1, DType.FP32).toString(),
        graph.replaceFirst(same, name));
  }

  @Test
  void optionsChangeTheNetwork() {
    long plain = parameters("wrn-16-4");
    assertTrue(parameters("se-wrn-16-4-depth-subsampled-zeros") != plain);
    assertTrue(parameters("wrn-16-4-subsampled-zeros") < plain);
    assertTrue(Catalogue.find("densenet121-depth").isEmpty());
    assertTrue(Catalogue.find("se-vgg16").isEmpty());
  }

  private static long parameters(String name) {
    return Catalogue.find(name).orElseThrow().graph(1, DType.FP32).parameterCount();
  }

  @Test
  void denseNetsOfAnyDepth() {
    assertEquals(Catalogue.find("densenet-bc-100-12"), DenseNet.named("densenet-bc-100-12"));
    assertEquals(Catalogue.find("densenet-40-12"), DenseNet.named("densenet-40-12"));
    assertEquals(List.of(166, 166, 166), DenseNet.named("densenet-bc-1000-12").get().blocks());
    assertTrue(Catalogue.find("densenet-bc-1001-12").isEmpty());
    assertTrue(Catalogue.find("densenet-bc-100-0").isEmpty());
    assertTrue(Catalogue.find("densenet-bc-4-12").isEmpty());
    assertTrue(Catalogue.find("densenet-9997-999").isEmpty());
  }

  @Test
  void anOptionIsGivenOnce() {
    assertTrue(Catalogue.find("se-resnet-110-depth-projection").isPresent());
    assertTrue(Catalogue.find("se-se-resnet-20").isEmpty());
    assertTrue(Catalogue.find("resnet-110-depth-depth").isEmpty());
    assertTrue(Catalogue.find("resnet-110-projection-averaged-zeros").isEmpty());
  }

  @Test
  void nearestNames() {
    assertEquals("densenet121", Catalogue.nearest("densnet121").getFirst());
    assertTrue(Catalogue.find("densnet121").isEmpty());
  }

  @Test
  void tooSmallAnImageNamesTheLayer() {
    Network network = Catalogue.find("densenet121").orElseThrow();
    GraphException e =
        assertThrows(GraphException.class, () -> network.graph(1, 16, 16, DType.FP32));
    assertTrue(e.getMessage().startsWith("features.transition3.pool: "), e.getMessage());
  }
}
