package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Network;
import dev.catena.graph.Node;
import dev.catena.model.Catalogue;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The networks that are no DenseNets against PyTorch's: sizes, work, and the names and shapes of
 * their tensors.
 */
class NetworkDefinitionTest {
  /** A line of network-counts.tsv. */
  record Counts(String model, long parameters, long multiplyAdds, int tensors, String digest) {
    @Override
    public String toString() {
      return model;
    }
  }

  static List<Counts> counts() {
    return Golden.rows("network-counts.tsv").stream()
        .map(
            row ->
                new Counts(
                    row[0],
                    Long.parseLong(row[1]),
                    Long.parseLong(row[2]),
                    Integer.parseInt(row[3]),
                    row[4]))
        .toList();
  }

  @ParameterizedTest
  @MethodSource
  void counts(Counts expected) throws NoSuchAlgorithmException {
    Graph graph = Catalogue.find(expected.model()).orElseThrow().graph(1, DType.FP32);
    assertEquals(expected.parameters(), graph.parameterCount());
    assertEquals(expected.multiplyAdds(), graph.multiplyAdds());
    List<Node> tensors = graph.parameters();
    assertEquals(expected.tensors(), tensors.size());
    String lines =
        tensors.stream().map(NetworkDefinitionTest::line).sorted().collect(Collectors.joining());
    byte[] hash =
        MessageDigest.getInstance("SHA-256").digest(lines.getBytes(StandardCharsets.UTF_8));
    assertEquals(expected.digest(), HexFormat.of().formatHex(hash), () -> lines);
  }

  private static String line(Node tensor) {
    String shape =
        tensor.output().shape().dims().stream()
            .map(String::valueOf)
            .collect(Collectors.joining("x"));
    return tensor.name() + " " + shape + "\n";
  }

  @Test
  void everyNameIsCounted() {
    Set<String> left = new HashSet<>(Catalogue.all().stream().map(Network::name).toList());
    Golden.rows("network-counts.tsv").forEach(row -> left.remove(row[0]));
    Golden.rows("densenet-counts.tsv").forEach(row -> left.remove(row[0]));
    assertTrue(left.isEmpty(), left::toString);
  }
}
