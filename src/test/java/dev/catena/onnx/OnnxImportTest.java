package dev.catena.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.device.Device;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What exporters leave around a network's layers, on images small enough to see through. */
class OnnxImportTest {
  /** Two channels of 2 x 3 pixels. */
  private static final Shape IMAGE = Shape.nhwc(1, 2, 3, 2);

  private static final float[] X = {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60};

  @TempDir private Path folder;
  private final OnnxBody body = new OnnxBody();

  @Test
  void channelsAreChosen() throws IOException {
    slice("y", "x", List.of(1L), List.of(2L), List.of(1L), List.of(1L));
    assertMakes(Shape.nhwc(1, 2, 3, 1), 10, 20, 30, 40, 50, 60);
  }

  @Test
  void everyOtherPixelByOneAxisAfterTheOther() throws IOException {
    slice("rows", "x", List.of(0L), List.of(Long.MAX_VALUE), List.of(2L), List.of(2L));
    slice("y", "rows", List.of(0L), List.of(Long.MAX_VALUE), List.of(3L), List.of(2L));
    assertMakes(Shape.nhwc(1, 1, 2, 2), 1, 3, 10, 30);
  }

  @Test
  void everyOtherRowAlone() throws IOException {
    slice("y", "x", List.of(0L), List.of(Long.MAX_VALUE), List.of(2L), List.of(2L));
    assertMakes(Shape.nhwc(1, 1, 3, 2), 1, 2, 3, 10, 20, 30);
  }

  @Test
  void zerosBeforeAndBehindTheChannels() throws IOException {
    body.integers("pads", List.of(0L, 1L, 0L, 0L, 0L, 1L, 0L, 0L));
    body.operator("Pad", "y").reads("x", "pads");
    assertMakes(
        Shape.nhwc(1, 2, 3, 4),
        0,
        0,
        0,
        0,
        0,
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        10,
        20,
        30,
        40,
        50,
        60,
        0,
        0,
        0,
        0,
        0,
        0);
  }

  @Test
  void zerosAroundOneAxis() throws IOException {
    body.integers("pads", List.of(1L, 0L));
    body.integers("axes", List.of(-1L));
    body.operator("Pad", "y").reads("x", "pads", "", "axes");
    assertMakes(Shape.nhwc(1, 2, 4, 2), 0, 1, 2, 3, 0, 4, 5, 6, 0, 10, 20, 30, 0, 40, 50, 60);
  }

  @Test
  void filtersPaddedOnOneSide() throws IOException {
    numbers("w", List.of(1, 2, 1, 2), 1, 100, 0, 0);
    body.operator("Conv", "y").with("pads", 0, 1, 0, 0).reads("x", "w");
    assertMakes(Shape.nhwc(1, 2, 3, 1), 100, 201, 302, 400, 504, 605);
  }

  @Test
  void aGateForEveryChannel() throws IOException {
    body.operator("GlobalAveragePool", "mean").reads("x");
    body.operator("Mul", "y").reads("mean", "x");
    assertMakes(IMAGE, 3.5f, 7, 10.5f, 14, 17.5f, 21, 350, 700, 1050, 1400, 1750, 2100);
  }

  @Test
  void arithmeticOnConstants() throws IOException {
    numbers("variance", List.of(2), 3, 8);
    numbers("epsilon", List.of(), 1);
    body.operator("Add", "positive").reads("variance", "epsilon");
    body.operator("Sqrt", "deviation").reads("positive");
    body.integers("shape", List.of(2L, 1L, 1L));
    body.operator("Reshape", "channels").reads("deviation", "shape");
    body.operator("Div", "y").reads("x", "channels");
    assertMakes(IMAGE, 0.5f, 1, 1.5f, 2, 2.5f, 3, 10 / 3f, 20 / 3f, 10, 40 / 3f, 50 / 3f, 20);
  }

  @Test
  void aProductAndItsBias() throws IOException {
    body.operator("ReduceMean", "mean").with("axes", 2, 3).with("keepdims", 0).reads("x");
    numbers("transposed", List.of(3, 2), 1, 0, 0, 1, 1, 1);
    body.operator("Transpose", "w").with("perm", 1, 0).reads("transposed");
    body.operator("MatMul", "product").reads("mean", "w");
    numbers("b", List.of(3), 1, 2, 3);
    body.operator("Add", "y").reads("product", "b");
    assertMakes(Shape.nhwc(1, 1, 1, 3), 4.5f, 37, 41.5f);
  }

  @Test
  void boundsAreInputsOrAttributes() throws IOException {
    numbers("two", List.of(1), 2);
    body.operator("Clip", "above").reads("x", "two");
    body.operator("Clip", "y").withNumber("max", 6).reads("above");
    assertMakes(IMAGE, 2, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6);
  }

  @Test
  void boundsOfEachChannelAreRefused() {
    numbers("two", List.of(2), 2, 3);
    body.operator("Clip", "y").reads("x", "two");
    assertRefused("Clip 'y'", "its min is [2], not one number");
  }

  @Test
  void boundsInTheWrongOrderAreRefused() {
    body.operator("Clip", "y").withNumber("min", 2).withNumber("max", 1).reads("x");
    assertRefused("Clip 'y'", "no bounds");
  }

  @Test
  void boundsThatMakeAReluAreOne() throws IOException {
    body.operator("Neg", "minus").reads("x");
    numbers("zero", List.of(), 0);
    body.operator("Clip", "y").reads("minus", "zero");
    assertMakes(IMAGE, new float[12]);
  }

  /** A few bytes must neither take all memory nor break what reads them. */
  @Test
  void constantsWithoutBoundsAreRefused() {
    body.integers("extents", List.of(1L << 20, 1L << 10));
    body.operator("ConstantOfShape", "zeros").reads("extents");
    body.operator("Add", "y").reads("x", "zeros");
    assertRefused("ConstantOfShape 'zeros'", "it makes a constant of [1048576, 1024]");
  }

  @Test
  void channelsWithoutBoundsAreRefused() {
    body.integers("pads", List.of(0L, 1L << 30, 0L, 0L, 0L, 0L, 0L, 0L));
    body.operator("Pad", "y").reads("x", "pads");
    assertRefused("Pad 'y'", "more than 65536 channels");
  }

  @Test
  void pixelsWithoutBoundsAreRefused() {
    body.integers("pads", List.of(0L, 0L, 1L << 30, 0L, 0L, 0L, 0L, 0L));
    body.operator("Pad", "y").reads("x", "pads");
    assertRefused("Pad 'y'", "more than 1048576 pixels in a row");
  }

  @Test
  void axesThatAreNotThereAreRefused() {
    body.integers("pads", List.of(1L));
    body.integers("axes", List.of(2L, 3L));
    body.operator("Pad", "y").reads("x", "pads", "", "axes");
    assertRefused("Pad 'y'", "do not fit each other");
  }

  private void slice(
      String output,
      String input,
      List<Long> starts,
      List<Long> ends,
      List<Long> axes,
      List<Long> steps) {
    List<List<Long>> all = List.of(starts, ends, axes, steps);
    String[] inputs = new String[1 + all.size()];
    inputs[0] = input;
    for (int i = 0; i < all.size(); i++) {
      inputs[1 + i] = output + "." + i;
      body.integers(inputs[1 + i], all.get(i));
    }
    body.operator("Slice", output).reads(inputs);
  }

  private void numbers(String name, List<Integer> dims, float... values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    body.tensor(name, dims, OnnxTensor.Type.FLOAT, ByteString.copyFrom(bytes));
  }

  private Path file(Shape result) throws IOException {
    byte[] model = body.model("m", "x", IMAGE, "y", result).toByteArray();
    return Files.write(folder.resolve("m.onnx"), model);
  }

  private void assertMakes(Shape result, float... expected) throws IOException {
    float[] made = new float[expected.length];
    try (Device device = Device.open("host");
        Model model = Models.onnx(file(result));
        Session session = model.compile(device, Inference.batch(1))) {
      session.run(MemorySegment.ofArray(X), MemorySegment.ofArray(made));
    }
    assertArrayEquals(expected, made, 1e-4f);
  }

  private void assertRefused(String node, String why) {
    var e = assertThrows(ModelFormatException.class, () -> Models.onnx(file(IMAGE)));
    assertTrue(e.getMessage().contains(node) && e.getMessage().contains(why), e.getMessage());
  }
}
