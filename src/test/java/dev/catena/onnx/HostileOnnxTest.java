package dev.catena.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.device.Device;
import dev.catena.error.ModelFormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Models that no exporter writes, but a file may hold: they are refused, or computed as they say.
 */
@Tag("slow")
class HostileOnnxTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  @TempDir private Path folder;
  private final List<OnnxNode> nodes = new ArrayList<>();
  private final Map<String, OnnxTensor> tensors = new HashMap<>();

  @Test
  void nodesOfOneNameHaveTheirOwnWeights() {
    slice("first", 0, 2);
    slice("second", 2, 4);
    node("Concat", "y", Map.of(), "first", "second");
    assertMakes(new float[] {1, 2, 3, 4}, 1, 4);
  }

  @Test
  void nodesOfOneNameHaveTheirOwnFillings() throws IOException {
    MessageWriter graph = new MessageWriter();
    for (int value : new int[] {3, 5}) {
      MessageWriter node = constant("ConstantOfShape", value).text(OnnxNode.NAME, "fill");
      graph.message(OnnxFile.NODE, node.text(OnnxNode.OUTPUT, "filled" + value));
    }
    OnnxFile read = OnnxFile.read(file(graph));
    assertEquals(List.of(3L), read.tensors().get(read.nodes().get(0).inputs().get(0)).integers());
    assertEquals(List.of(5L), read.tensors().get(read.nodes().get(1).inputs().get(0)).integers());
  }

  @Test
  void aColumnIsNoBiasOfFeatures() {
    tensor("w", 2, 2);
    tensor("c", 2, 1);
    node("Gemm", "y", Map.of(), "x", "w", "c");
    assertRefused("not one number for each feature", 1, 2);
  }

  @Test
  void constantsAreBoundedAllTogether() {
    tensors.put("extents", OnnxTensor.of(List.of(1L << 24)));
    tensors.put("value", new OnnxTensor("", List.of(1), OnnxTensor.Type.BOOL, bytes(1)));
    for (int i = 0; i < 5; i++) {
      node("ConstantOfShape", "c" + i, Map.of(), "extents", "value");
    }
    node("Relu", "y", Map.of(), "x");
    assertRefused("1 cannot be run: ConstantOfShape", 1, 2);
    nodes.subList(2, 5).clear();
    node("Concat", "all", Map.of("axis", 0), "c0", "c1");
    assertRefused("it makes a constant of [33554432]", 1, 2);
  }

  @Test
  void channelsAreBoundedByWhatTheyAreMadeOf() {
    node("Pad", "y", Map.of("pads", List.of(0, 60_000, 0, 0, 0, 0, 0, 0)), "x");
    assertRefused("it makes 64000 channels of 4000", 1, 4000, 1, 1);
    nodes.clear();
    node("Pad", "y", Map.of("pads", List.of(0, 0, 0, 0, 0, 64_000, 0, 0)), "x");
    assertRefused("more than 65536 channels", 1, 4000, 1, 1);
  }

  @Test
  void farPaddingIsComputed() {
    tensor("w", 64, 64, 1, 1);
    int far = 1 << 20;
    List<Integer> pads = List.of(0, far, 0, far);
    node("Conv", "c", Map.of("strides", List.of(1, far), "pads", pads), "x", "w");
    node("GlobalMaxPool", "y", Map.of(), "c");
    float[] sums = new float[64];
    Arrays.fill(sums, 64 * 65 / 2);
    assertMakes(sums, 1, 64, 1, 1);
  }

  @Test
  void channelsAreLeftOutInFront() {
    node("Pad", "y", Map.of("pads", List.of(0, -1, 0, 0, 0, -1, 0, 0)), "x");
    assertMakes(new float[] {2, 3}, 1, 4, 1, 1);
  }

  @Test
  void theOnlyIndexIsTakenTwice() {
    tensors.put("i", OnnxTensor.of(List.of(0L, 0L)));
    node("Gather", "y", Map.of("axis", 2), "x", "i");
    assertMakes(new float[] {1, 1, 2, 2}, 1, 2, 1, 1);
  }

  @Test
  void theLargestOfThreeConstants() {
    tensor("w", 1);
    node("Neg", "minus", Map.of(), "w");
    node("Max", "most", Map.of(), "minus", "minus", "w");
    node("Min", "one", Map.of(), "most");
    node("Mul", "y", Map.of(), "x", "one");
    assertMakes(new float[] {1, 2}, 1, 2);
  }

  @Test
  void oneScaleIsOfEveryRow() {
    tensor("one", 1);
    node("Neg", "minus", Map.of(), "one");
    node("Concat", "w", Map.of("axis", 0), "one", "minus");
    node("LayerNormalization", "y", Map.of("axis", 2), "x", "w");
    assertMakes(new float[] {-1.3416355f, 0.4472118f, 0.4472118f, -1.3416355f}, 1, 1, 2, 2);
  }

  @Test
  void aTransposedConvolutionMakesTheWantedShape() {
    tensor("w", 1, 1, 1);
    Map<String, ?> attributes = Map.of("strides", List.of(2), "output_shape", List.of(4));
    node("ConvTranspose", "y", attributes, "x", "w");
    assertMakes(new float[] {1, 0, 2, 0}, 1, 1, 2);
  }

  @Test
  void filtersAreBoundedAndReal() {
    tensor("w", 1, 1, 2, 1);
    int far = 1 << 30;
    node(
        "Conv",
        "y",
        Map.of("dilations", List.of(far, 1), "pads", List.of(far, 0, far, 0)),
        "x",
        "w");
    assertRefused("dilation is more than 1048576", 1, 1, 1, 1);
    tensor("w", 8, 8, 1, 1);
    for (String field : List.of("stride", "padding")) {
      nodes.clear();
      List<Integer> strides = List.of(1, field.equals("stride") ? far : 1);
      List<Integer> pads = field.equals("stride") ? List.of(0, 0, 0, 0) : List.of(0, far, 0, 0);
      node("Conv", "y", Map.of("strides", strides, "pads", pads), "x", "w");
      assertRefused(field + " is more than 1048576", 1, 8, 8, 8);
    }
    nodes.clear();
    tensors.put("w", OnnxTensor.of(List.of(1L)).as(List.of(1, 1, 1, 1)));
    node("Conv", "y", Map.of("pads", List.of(1, 0, 0, 0)), "x", "w");
    assertRefused("its filters are INT64", 1, 1, 2, 2);
  }

  @Test
  void anOperatorWithoutOutputIsRefused() throws IOException {
    Path file = file(new MessageWriter().message(OnnxFile.NODE, constant("Constant", 1)));
    var e = assertThrows(ModelFormatException.class, () -> OnnxModel.open(file));
    assertTrue(e.getMessage().contains("an operator makes nothing"), e.getMessage());
  }

  @Test
  void leftOutInputsAreRefused() {
    tensor("w", 2);
    node("Neg", "a", Map.of(), "");
    node("Add", "y", Map.of(), "", "w");
    assertRefused("2 cannot be run", 1, 2);
  }

  @Test
  void imagesBeyondAllMemoryAreRefused() {
    node("Relu", "y", Map.of(), "x");
    assertRefused("input 'x'", 0, 3, 1 << 16, 1 << 16);
    assertRefused("input 'x'", 0, Integer.MAX_VALUE, Integer.MAX_VALUE, 1);
  }

  @Test
  void whatDoesNotFitIsNotJoined() {
    tensor("a", 3, 4);
    tensor("b", 3, 5);
    node("Concat", "c", Map.of("axis", 0), "a", "b");
    node("Relu", "y", Map.of(), "x");
    assertRefused("it joins [3, 4] and [3, 5]", 1, 2);
  }

  @Test
  void rowsOfNothingAreJoinedAtOnce() {
    tensor("none", Integer.MAX_VALUE, 0);
    node("Concat", "c", Map.of("axis", 1), "none", "none");
    node("Relu", "y", Map.of(), "x");
    assertTimeoutPreemptively(SOON, () -> model(1, 2).close());
  }

  @Test
  void whatWasFoldedJoinsWhatWasNot() {
    tensor("w", 1);
    node("Neg", "minus", Map.of(), "w");
    node("Concat", "both", Map.of("axis", 0), "w", "minus");
    node("Mul", "y", Map.of(), "x", "both");
    assertMakes(new float[] {1, -2}, 1, 2);
  }

  @Test
  void anOrderOfAxesHasEachOnce() {
    tensor("w", 2, 2);
    node("Transpose", "c", Map.of("perm", List.of(0, 0)), "w");
    node("Transpose", "y", Map.of("perm", List.of(1, 1, 2, 3)), "x");
    assertRefused("2 cannot be run", 1, 2, 1, 1);
  }

  @Test
  void negativeExtentsWhoseProductFitsAreNoShape() {
    for (List<Long> shape : List.of(List.of(1L, -2L, -3L), List.of(-1L, -1L, -6L))) {
      nodes.clear();
      tensors.put("shape", OnnxTensor.of(shape));
      node("Reshape", "y", Map.of(), "x", "shape");
      assertRefused("it reshapes [1, 6, 1, 1] to " + shape, 1, 6, 1, 1);
    }
  }

  @Test
  void manyNodesOfOneNameAreReadSoon() {
    int count = 30_000;
    for (int i = 0; i < count; i++) {
      List<String> made = List.of(i == count - 1 ? "y" : "v" + i, "unread");
      nodes.add(new OnnxNode("a", "Relu", List.of(i == 0 ? "x" : "v" + (i - 1)), made, Map.of()));
    }
    assertTimeoutPreemptively(SOON, () -> model(1, 2).close());
  }

  @Test
  void aValueHasOneMaker() throws IOException {
    MessageWriter graph = new MessageWriter();
    for (String operator : List.of("Relu", "Sigmoid")) {
      graph.message(
          OnnxFile.NODE,
          new MessageWriter()
              .text(OnnxNode.INPUT, "x")
              .text(OnnxNode.OUTPUT, "y")
              .text(OnnxNode.OPERATOR, operator));
    }
    Path file = file(graph);
    var e = assertThrows(ModelFormatException.class, () -> OnnxModel.open(file));
    assertTrue(e.getMessage().contains("'y' is also another operator's"), e.getMessage());
  }

  @Test
  void operatorsInACircleAreRefused() {
    node("Add", "a", Map.of(), "x", "b");
    node("Relu", "b", Map.of(), "a");
    node("Relu", "y", Map.of(), "b");
    assertRefused("in a circle", 1, 2);
  }

  private void slice(String output, int start, int end) {
    node(
        "Slice",
        output,
        Map.of("starts", List.of(start), "ends", List.of(end), "axes", List.of(1)),
        "x");
  }

  /** Every node has the same name; an attribute is a whole number or a list of them. */
  private void node(String operator, String output, Map<String, ?> attributes, String... inputs) {
    Map<String, Message> parsed = new HashMap<>();
    attributes.forEach((name, value) -> parsed.put(name, attribute(value)));
    nodes.add(new OnnxNode("node", operator, List.of(inputs), List.of(output), parsed));
  }

  private static Message attribute(Object value) {
    MessageWriter made = new MessageWriter();
    if (value instanceof List<?> list) {
      list.forEach(v -> made.integer(OnnxNode.INTEGERS, (int) v));
    } else {
      made.integer(OnnxNode.INTEGER, (int) value);
    }
    try {
      return Message.parse(made.built());
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  /** Ones in fp32. */
  private void tensor(String name, Integer... dims) {
    int elements = OnnxTensor.elements(List.of(dims));
    ByteString one = ByteString.copyFrom(new byte[] {0, 0, (byte) 0x80, 63});
    ByteString data = ByteString.copyFrom(Collections.nCopies(elements, one));
    tensors.put(name, new OnnxTensor(name, List.of(dims), OnnxTensor.Type.FLOAT, data));
  }

  /** An operator with the value that it makes, but no output yet. */
  private static MessageWriter constant(String operator, int value) {
    MessageWriter tensor = OnnxBody.tensorHeader("", List.of(1), OnnxTensor.Type.BOOL);
    MessageWriter attribute = new MessageWriter().text(OnnxNode.ATTRIBUTE_NAME, "value");
    attribute.message(OnnxNode.TENSOR, tensor.bytes(TensorReader.RAW, bytes(value)));
    return new MessageWriter()
        .text(OnnxNode.OPERATOR, operator)
        .message(OnnxNode.ATTRIBUTE, attribute);
  }

  private static ByteString bytes(int value) {
    return ByteString.copyFrom(new byte[] {(byte) value});
  }

  private Path file(MessageWriter graph) throws IOException {
    ByteString model = new MessageWriter().message(OnnxFile.GRAPH, graph).built();
    return Files.write(folder.resolve("m.onnx"), model.toByteArray());
  }

  private Model model(Integer... dims) {
    List<OnnxFile.Port> inputs = List.of(new OnnxFile.Port("x", 1, List.of(dims)));
    List<OnnxFile.Port> outputs = List.of(new OnnxFile.Port("y", 1, List.of()));
    OnnxModel model =
        new OnnxModel(
            new OnnxFile(Path.of("m.onnx"), 17, nodes, tensors, inputs, outputs), Optional.empty());
    return Models.of(model).with(p -> model.values(p.name()));
  }

  private void assertRefused(String why, Integer... dims) {
    var e = assertThrows(ModelFormatException.class, () -> model(dims));
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }

  /** Of the numbers 1, 2, ... */
  private void assertMakes(float[] expected, Integer... dims) {
    float[] x = new float[OnnxTensor.elements(List.of(dims))];
    IntStream.range(0, x.length).forEach(i -> x[i] = i + 1);
    float[] made = new float[expected.length];
    try (Device device = Device.open("host");
        Session session = model(dims).compile(device, Inference.batch(1))) {
      session.run(MemorySegment.ofArray(x), MemorySegment.ofArray(made));
    }
    assertArrayEquals(expected, made, 1e-6f);
  }
}
