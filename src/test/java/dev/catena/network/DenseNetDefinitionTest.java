package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Shape;
import dev.catena.model.Catalogue;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Our DenseNets against PyTorch's: sizes, work, and the names and shapes of their tensors. */
class DenseNetDefinitionTest {
  /** A line of densenet-counts.tsv. */
  record Counts(String model, long parameters, long multiplyAdds) {}

  static List<Counts> counts() {
    return Golden.rows("densenet-counts.tsv").stream()
        .map(row -> new Counts(row[0], Long.parseLong(row[1]), Long.parseLong(row[2])))
        .toList();
  }

  @ParameterizedTest
  @MethodSource
  void counts(Counts expected) {
    Graph graph = graph(expected.model());
    assertEquals(expected.parameters(), graph.parameterCount());
    assertEquals(expected.multiplyAdds(), graph.multiplyAdds());
  }

  @ParameterizedTest
  @ValueSource(strings = {"densenet121", "densenet161", "densenet169", "densenet201"})
  void tensorsAreTorchvisions(String model) {
    var expected = new TreeMap<String, Shape>();
    for (String[] row : Golden.rows(model + "-names.tsv")) {
      expected.put(
          row[0], Shape.of(Arrays.stream(row[1].split("x")).mapToInt(Integer::parseInt).toArray()));
    }
    var actual =
        graph(model).parameters().stream()
            .collect(
                Collectors.toMap(
                    Node::name, p -> p.output().shape(), (first, _) -> first, TreeMap::new));
    assertEquals(expected, actual);
  }

  private static Graph graph(String model) {
    return Catalogue.find(model).orElseThrow().graph(1, DType.FP32);
  }
}
