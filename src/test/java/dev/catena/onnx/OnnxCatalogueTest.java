package dev.catena.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Network;
import dev.catena.graph.Node;
import dev.catena.model.Catalogue;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every network of the catalogue becomes ONNX and comes back, without its numbers. */
@Tag("slow")
class OnnxCatalogueTest {
  /** A file of zeros takes no room on the disk. */
  private static final String ZEROS = "zeros.bin";

  @TempDir private Path folder;

  static List<String> names() {
    return Catalogue.all().stream().map(Network::name).toList();
  }

  @ParameterizedTest
  @MethodSource("names")
  void comesBack(String name) throws IOException {
    Graph graph = Catalogue.find(name).orElseThrow().graph(1, DType.FP32);
    try (RandomAccessFile zeros = new RandomAccessFile(folder.resolve(ZEROS).toFile(), "rw")) {
      zeros.setLength(
          graph.parameters().stream().mapToLong(OnnxCatalogueTest::bytes).max().orElse(0));
    }
    Path file = folder.resolve("model.onnx");
    Files.write(file, OnnxWriter.model(graph, OnnxCatalogueTest::outside).toByteArray());
    Graph again = OnnxModel.open(file).graph(1, DType.FP32);
    assertEquals(graph.parameterCount(), again.parameterCount());
    assertEquals(graph.multiplyAdds(), again.multiplyAdds());
    assertEquals(graph.outputs().getFirst().shape(), again.outputs().getFirst().shape());
  }

  private static long bytes(Node parameter) {
    return parameter.output().shape().elements() * Float.BYTES;
  }

  private static void outside(Node parameter, MessageWriter tensor) {
    tensor.integer(TensorReader.LOCATION, TensorReader.OUTSIDE);
    MessageWriter location = new MessageWriter();
    location.text(TensorReader.KEY, "location").text(TensorReader.VALUE, ZEROS);
    tensor.message(TensorReader.EXTERNAL, location);
  }
}
