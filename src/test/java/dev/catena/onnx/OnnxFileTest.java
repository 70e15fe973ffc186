package dev.catena.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Damaged and hostile models, and weights in files beside them. */
class OnnxFileTest {
  private static final float[] WEIGHTS = {1, -2};

  @TempDir private Path folder;

  @Test
  void weightsMayLieBesideTheModel() throws IOException {
    Files.write(
        folder.resolve("w.bin"), new byte[] {9, 9, 9, 9, 0, 0, (byte) 0x80, 63, 0, 0, 0, -64});
    OnnxModel model =
        OnnxModel.open(
            model(17, "Conv", outside(Map.of("location", "w.bin", "offset", "4", "length", "8"))));
    String weight = model.graph(1, DType.FP32).parameters().getFirst().name();
    assertArrayEquals(WEIGHTS, model.values(weight));
  }

  @Test
  void modelAndWeightsMayBeLinksToOneFolder() throws IOException {
    Path blobs = Files.createDirectory(folder.resolve("blobs"));
    Files.write(blobs.resolve("5a6b"), new byte[] {0, 0, (byte) 0x80, 63, 0, 0, 0, -64});
    Files.move(model(17, "Conv", outside(Map.of("location", "w.bin"))), blobs.resolve("3c4d"));
    Path snapshot = Files.createDirectories(folder.resolve("snapshots/1a2b"));
    Files.createSymbolicLink(snapshot.resolve("m.onnx"), Path.of("../../blobs/3c4d"));
    Files.createSymbolicLink(snapshot.resolve("w.bin"), Path.of("../../blobs/5a6b"));
    OnnxModel model = OnnxModel.open(snapshot.resolve("m.onnx"));
    String weight = model.graph(1, DType.FP32).parameters().getFirst().name();
    assertArrayEquals(WEIGHTS, model.values(weight));
  }

  @ParameterizedTest
  @ValueSource(strings = {"../w.bin", "/etc/passwd", "link.bin", "none.bin", "", "sub/../../w.bin"})
  void butNowhereElse(String location) throws IOException {
    Path outside = Files.write(folder.resolve("w.bin"), new byte[8]);
    Path models = Files.createDirectory(folder.resolve("models"));
    Files.createSymbolicLink(models.resolve("link.bin"), outside);
    Path file = models.resolve("m.onnx");
    Files.move(model(17, "Conv", outside(Map.of("location", location))), file);
    assertRefused(file, "tensor 'w'", "no file of the model's folder");
  }

  @ParameterizedTest
  @ValueSource(strings = {"-4", "4", "9223372036854775807", "four"})
  void norOutsideThatFile(String offset) throws IOException {
    Files.write(folder.resolve("w.bin"), new byte[8]);
    Path file = model(17, "Conv", outside(Map.of("location", "w.bin", "offset", offset)));
    assertRefused(file, "tensor 'w'", "w.bin");
  }

  @Test
  void tooFewNumbersAreNamed() throws IOException {
    Path file = model(17, "Conv", tensor(9, ByteString.copyFrom(new byte[4])));
    assertRefused(file, "tensor 'w'", "takes 8 bytes, not 4");
  }

  @Test
  void everyOperatorThatIsNotOursIsNamed() throws IOException {
    Path file = model(17, "Det", inside(), "Einsum");
    assertRefused(file, "operators", "2 cannot be run: Det 'y' ");
    assertRefused(file, "operators", "Einsum 'z'");
  }

  @Test
  void whatIsNoModelIsRefused() throws IOException {
    Path file = folder.resolve("picture.onnx");
    Files.writeString(file, "\u0089PNG, not ONNX");
    assertRefused(file, "", "no ONNX");
    Files.write(file, new byte[0]);
    assertRefused(file, "", "no ONNX graph");
    assertThrows(NoSuchFileException.class, () -> OnnxModel.open(folder.resolve("none.onnx")));
  }

  @Test
  void aModelCutAnywhereIsRefusedOrWhole() throws IOException {
    byte[] whole = Files.readAllBytes(model(17, "Conv", inside()));
    Path file = folder.resolve("cut.onnx");
    for (int length = 0; length < whole.length; length++) {
      Files.write(file, java.util.Arrays.copyOf(whole, length));
      try {
        OnnxModel.open(file);
      } catch (ModelFormatException e) {
        assertEquals(file, e.file(), "cut after " + length);
      }
    }
  }

  private static void assertRefused(Path file, String place, String reason) {
    var e = assertThrows(ModelFormatException.class, () -> OnnxModel.open(file));
    assertEquals(place, e.place(), e.getMessage());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  /** {@code y = operator(x, w)} and, if there is {@code more}, {@code z = more(x)}. */
  private Path model(int opset, String operator, UnknownFieldSet w, String... more)
      throws IOException {
    UnknownFieldSet.Builder graph = UnknownFieldSet.newBuilder();
    put(graph, OnnxFile.NODE, node(operator, "y", "x", "w"));
    for (String another : more) {
      put(graph, OnnxFile.NODE, node(another, "z", "x"));
    }
    put(graph, OnnxFile.INITIALIZER, w);
    put(graph, OnnxFile.INPUT, port("x"));
    put(graph, OnnxFile.OUTPUT, port("y"));
    UnknownFieldSet.Builder version = UnknownFieldSet.newBuilder();
    put(version, OnnxFile.OPSET_VERSION, opset);
    UnknownFieldSet.Builder model = UnknownFieldSet.newBuilder();
    put(model, OnnxFile.OPSETS, version.build());
    put(model, OnnxFile.GRAPH, graph.build());
    return Files.write(folder.resolve("m.onnx"), model.build().toByteArray());
  }

  private static UnknownFieldSet node(String operator, String output, String... inputs) {
    UnknownFieldSet.Builder node = UnknownFieldSet.newBuilder();
    put(node, OnnxNode.OPERATOR, ByteString.copyFromUtf8(operator));
    put(node, OnnxNode.OUTPUT, ByteString.copyFromUtf8(output));
    for (String input : inputs) {
      put(node, OnnxNode.INPUT, ByteString.copyFromUtf8(input));
    }
    return node.build();
  }

  /** Two filters of one channel and one tap. */
  private static UnknownFieldSet inside() {
    ByteBuffer data = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(WEIGHTS);
    return tensor(TensorReader.RAW, ByteString.copyFrom(data));
  }

  private static UnknownFieldSet tensor(int field, ByteString data) {
    UnknownFieldSet.Builder tensor = UnknownFieldSet.newBuilder();
    for (int dim : new int[] {2, 1, 1, 1}) {
      put(tensor, TensorReader.DIMS, dim);
    }
    put(tensor, TensorReader.TYPE, OnnxTensor.Type.FLOAT.number);
    put(tensor, TensorReader.NAME, ByteString.copyFromUtf8("w"));
    put(tensor, field, data);
    return tensor.build();
  }

  private static UnknownFieldSet outside(Map<String, String> where) {
    UnknownFieldSet.Builder tensor = inside().toBuilder().clearField(TensorReader.RAW);
    put(tensor, 14, 1);
    new TreeMap<>(where)
        .forEach(
            (key, value) -> {
              UnknownFieldSet.Builder entry = UnknownFieldSet.newBuilder();
              put(entry, 1, ByteString.copyFromUtf8(key));
              put(entry, 2, ByteString.copyFromUtf8(value));
              put(tensor, 13, entry.build());
            });
    return tensor.build();
  }

  /** fp32, 1 x 1 x 2 x 2. */
  private static UnknownFieldSet port(String name) {
    UnknownFieldSet.Builder shape = UnknownFieldSet.newBuilder();
    for (int dim : new int[] {1, 1, 2, 2}) {
      UnknownFieldSet.Builder extent = UnknownFieldSet.newBuilder();
      put(extent, OnnxFile.DIM_VALUE, dim);
      put(shape, OnnxFile.DIM, extent.build());
    }
    UnknownFieldSet.Builder tensor = UnknownFieldSet.newBuilder();
    put(tensor, OnnxFile.ELEMENT_TYPE, OnnxTensor.Type.FLOAT.number);
    put(tensor, OnnxFile.SHAPE, shape.build());
    UnknownFieldSet.Builder type = UnknownFieldSet.newBuilder();
    put(type, OnnxFile.TENSOR_TYPE, tensor.build());
    UnknownFieldSet.Builder port = UnknownFieldSet.newBuilder();
    put(port, OnnxFile.PORT_NAME, ByteString.copyFromUtf8(name));
    put(port, OnnxFile.PORT_TYPE, type.build());
    return port.build();
  }

  private static void put(UnknownFieldSet.Builder to, int number, UnknownFieldSet message) {
    put(to, number, message.toByteString());
  }

  private static void put(UnknownFieldSet.Builder to, int number, ByteString bytes) {
    to.mergeField(number, UnknownFieldSet.Field.newBuilder().addLengthDelimited(bytes).build());
  }

  private static void put(UnknownFieldSet.Builder to, int number, long value) {
    to.mergeField(number, UnknownFieldSet.Field.newBuilder().addVarint(value).build());
  }
}
