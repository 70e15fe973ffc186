package dev.catena.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Init;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Operations on the pixels of images, to an ONNX file and back. */
class SpaceTest {
  private static final int CHANNELS = 2;
  private static final int WIDTH = 3;

  @TempDir private Path folder;

  @Test
  void paddedAndCropped() throws IOException {
    float[] made = run(sample(9, List.of(-1f, 0f, 1f), List.of(1f, 2f)));
    assertArrayEquals(new float[] {9, 9, 1, 2, 4, 5, 9, 9, 7, 8, 10, 11}, made);
  }

  @Test
  void mirroredPixels() throws IOException {
    float[] made = run(sample(0, List.of(1f, 0f, 1f), List.of(2f, 1f)));
    assertArrayEquals(new float[] {5, 4, 2, 1, 5, 4, 11, 10, 8, 7, 11, 10}, made);
  }

  @Test
  void resizedWithCornersKept() throws IOException {
    float[] made = run(sample(0, List.of(0f, 0.5f, 1f), List.of(0f, 2f)));
    assertArrayEquals(new float[] {0, 2, 1.5f, 3.5f, 3, 5, 6, 8, 7.5f, 9.5f, 9, 11}, made);
  }

  /** Ones in a 2x2 filter spread each pixel over four, of every pair of channels their sum. */
  @Test
  void transposedConvolution() throws IOException {
    GraphBuilder g = new GraphBuilder("one", DType.FP32);
    Op.Conv conv = Op.Conv.of(2, 2, 0);
    Value x = g.input(1, CHANNELS, 2, WIDTH);
    Value w = g.parameter("w", Shape.of(CHANNELS, 1, 2, 2), new Init.Constant(1));
    Op op = new TrainingOp.ConvDgrad(conv, 4, 7, false);
    float[] made = run(g.build(g.add("up", op, x, w)));
    for (int i = 0; i < made.length; i++) {
      int column = i % 7 / 2;
      int first = i / 14 * WIDTH + column;
      assertEquals(column == WIDTH ? 0 : 2 * first + 6, made[i], "pixel " + i);
    }
  }

  private static Graph sample(float fill, List<Float> rows, List<Float> columns) {
    GraphBuilder g = new GraphBuilder("one", DType.FP32);
    Value x = g.input(1, CHANNELS, 2, WIDTH);
    Value down = g.add("down", new Op.Coordinates(rows));
    Value across = g.add("across", new Op.Coordinates(columns));
    return g.build(g.add("sampled", new Op.Sample(fill), x, down, across));
  }

  private float[] run(Graph graph) throws IOException {
    Path file = folder.resolve("m.onnx");
    OnnxWriter.write(graph, _ -> new float[] {1, 1, 1, 1, 1, 1, 1, 1}, file);
    float[] numbers = new float[CHANNELS * 2 * WIDTH];
    IntStream.range(0, numbers.length).forEach(i -> numbers[i] = i);
    float[] made = new float[(int) graph.outputs().getFirst().shape().elements()];
    try (Device device = Device.open("host");
        Model model = Models.onnx(file);
        Session session = model.compile(device, Inference.batch(1))) {
      session.run(MemorySegment.ofArray(numbers), MemorySegment.ofArray(made));
    }
    return made;
  }
}
