package dev.catena.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphException;
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

  @Test
  void denseNetsOfAnyDepth() {
    assertEquals(Catalogue.find("densenet-bc-100-12"), DenseNet.named("densenet-bc-100-12"));
    assertEquals(Catalogue.find("densenet-40-12"), DenseNet.named("densenet-40-12"));
    assertEquals(List.of(166, 166, 166), DenseNet.named("densenet-bc-1000-12").get().blocks());
    assertTrue(Catalogue.find("densenet-bc-1001-12").isEmpty());
    assertTrue(Catalogue.find("densenet-bc-100-0").isEmpty());
    assertTrue(Catalogue.find("densenet-bc-4-12").isEmpty());
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
