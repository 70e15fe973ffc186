package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.io.SafeTensorsWriter;
import dev.catena.model.Catalogue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
  private static final Graph NETWORK = graph("densenet-bc-40-12");

  @TempDir Path folder;

  @Test
  void comesBackBitForBit() throws IOException {
    Checkpoint written = checkpoint(NETWORK, 3);
    Path file = folder.resolve("run.safetensors");
    written.write(file, NETWORK);
    Checkpoint read = Checkpoint.read(file, NETWORK);
    assertSame(written.parameters(), read.parameters());
    assertSame(written.momentum(), read.momentum());
    assertEquals(1 << 20, read.steps());
    assertEquals(1024f, read.lossScale());
    assertEquals(Map.of("seed", "3", "data", "ein Bär"), read.settings());
  }

  @Test
  void isAFileOfWeightsToo() throws IOException {
    Path file = folder.resolve("run.safetensors");
    checkpoint(NETWORK, 3).write(file, NETWORK);
    Models.get("densenet-bc-40-12").load(file).close();
  }

  @Test
  void refusesWhatIsNotItsOwn() throws IOException {
    Path file = folder.resolve("run.safetensors");
    checkpoint(NETWORK, 3).write(file, NETWORK);
    Graph other = graph("densenet-bc-100-12");
    assertRefused(file, other, "is a checkpoint of densenet-bc-40-12, not of densenet-bc-100-12");
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 100));
    assertRefused(file, NETWORK, "cut short");
    Path weights = folder.resolve("weights.safetensors");
    new SafeTensorsWriter().add("x", DType.FP32, new long[] {1}, new float[1]).write(weights);
    assertRefused(weights, NETWORK, "metadata: is no checkpoint");
    Files.write(
        file, replaced(whole, "\"catena.steps\":\"1048576\"", "\"catena.steps\":\"-048576\""));
    assertRefused(file, NETWORK, "catena.steps is -048576");
    String bias = "\"optimizer.momentum.classifier.bias\"";
    Files.write(file, replaced(whole, bias, bias.replace("bias", "biaz")));
    assertRefused(file, NETWORK, "has no tensor 'optimizer.momentum.classifier.bias'");
  }

  /** A folder in the place of the file: the rename fails after everything has been written. */
  @Test
  void leavesNothingHalfWritten() throws IOException {
    Path file = Files.createDirectories(folder.resolve("run.safetensors/full")).getParent();
    var error =
        assertThrows(FileSystemException.class, () -> checkpoint(NETWORK, 3).write(file, NETWORK));
    assertTrue(error.getMessage().contains("run.safetensors"), error.getMessage());
    try (var left = Files.list(folder)) {
      assertEquals(List.of(file), left.toList());
    }
  }

  private static byte[] replaced(byte[] file, String old, String text) {
    String latin = new String(file, StandardCharsets.ISO_8859_1);
    assertTrue(latin.contains(old) && old.length() == text.length());
    return latin.replace(old, text).getBytes(StandardCharsets.ISO_8859_1);
  }

  private static void assertRefused(Path file, Graph network, String reason) {
    var error = assertThrows(ModelFormatException.class, () -> Checkpoint.read(file, network));
    assertTrue(error.getMessage().contains(reason), error.getMessage());
    assertTrue(error.getMessage().startsWith(file.toString()), error.getMessage());
  }

  private static void assertSame(Map<String, float[]> expected, Map<String, float[]> actual) {
    assertEquals(List.copyOf(expected.keySet()), List.copyOf(actual.keySet()));
    expected.forEach((name, values) -> assertArrayEquals(values, actual.get(name), name));
  }

  private static Graph graph(String name) {
    return Catalogue.find(name).orElseThrow().graph(1, DType.FP32);
  }

  private static Checkpoint checkpoint(Graph network, long seed) {
    return new Checkpoint(
        values(network.parameters(), seed),
        values(network.trainable(), seed + 1),
        1 << 20,
        1024,
        Map.of("seed", Long.toString(seed), "data", "ein Bär"));
  }

  private static Map<String, float[]> values(List<Node> nodes, long seed) {
    Map<String, float[]> values = new LinkedHashMap<>();
    nodes.forEach(n -> values.put(n.name(), Parameters.initial(seed).values(n)));
    return values;
  }
}
