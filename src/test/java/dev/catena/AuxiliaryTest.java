package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Network;
import dev.catena.graph.Node;
import dev.catena.graph.Value;
import dev.catena.io.SafeTensorsWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An auxiliary classifier: read and trained in training, no part of inference. */
class AuxiliaryTest {
  private static final int SIZE = 8;
  private static final Network NETWORK = new WithAuxiliary();

  @TempDir Path folder;

  private record WithAuxiliary() implements Network {
    @Override
    public String name() {
      return "with-auxiliary";
    }

    @Override
    public int channels() {
      return 3;
    }

    @Override
    public int imageSize() {
      return SIZE;
    }

    @Override
    public int classes() {
      return 4;
    }

    @Override
    public Graph graph(int batch, int height, int width, DType dtype) {
      return graph(batch, height, width, dtype, false);
    }

    @Override
    public Graph trainingGraph(int batch, int height, int width, DType dtype) {
      return graph(batch, height, width, dtype, true);
    }

    private Graph graph(int batch, int height, int width, DType dtype, boolean training) {
      GraphBuilder g = new GraphBuilder(name(), dtype);
      Value x = g.conv("conv", g.input(batch, channels(), height, width), 8, 3, 1, 1);
      x = g.globalAveragePool("pool", g.relu("relu", x));
      if (training) {
        g.auxiliary("aux", g.linear("aux.fc", x, classes()), 0.5f);
      }
      return g.build(g.linear("fc", x, classes()));
    }
  }

  @Test
  void weightsThatTrainingWroteServeInference() throws IOException {
    MemorySegment images = MemorySegment.ofArray(new float[3 * SIZE * SIZE]);
    try (Device device = Device.open("host");
        Model model = Models.of(NETWORK).load(file(true));
        Trainer trainer = model.train(device, Training.batch(1));
        Session session = model.compile(device, Inference.batch(1))) {
      MemorySegment logits = MemorySegment.ofArray(new float[4]);
      session.run(images, logits);
      StepResult step = trainer.step(images, new int[] {2}, 0.1f);
      // Black images, no bias: all logits are 0, and each loss is log 4.
      assertEquals(1.5 * Math.log(4), step.loss(), 1e-6);
      assertEquals(0.5f * 0.1f * 0.75f, trainer.parameters().get("aux.fc.bias")[2], 1e-6f);
    }
  }

  @Test
  void weightsWithoutThemAreRefusedByTrainingAlone() throws IOException {
    try (Device device = Device.open("host");
        Model model = Models.of(NETWORK).load(file(false))) {
      model.compile(device, Inference.batch(1)).close();
      ModelFormatException e =
          assertThrows(
              ModelFormatException.class, () -> model.train(device, Training.batch(1)).close());
      assertTrue(e.getMessage().contains("aux.fc"), e.getMessage());
    }
  }

  private Path file(boolean auxiliary) throws IOException {
    Graph graph =
        auxiliary ? NETWORK.trainingGraph(1, SIZE, SIZE, DType.FP32) : NETWORK.graph(1, DType.FP32);
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (Node node : graph.parameters()) {
      long[] shape = node.output().shape().dims().stream().mapToLong(i -> i).toArray();
      float[] values = new float[Math.toIntExact(node.output().shape().elements())];
      writer.add(node.name(), DType.FP32, shape, values);
    }
    Path file = folder.resolve("weights.safetensors");
    writer.write(file);
    return file;
  }
}
