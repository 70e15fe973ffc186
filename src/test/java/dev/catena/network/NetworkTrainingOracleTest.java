package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Policy;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Network;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.io.SafeTensors;
import dev.catena.model.Catalogue;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One and two steps of a network of each family, without dropout, against PyTorch's: the update's
 * error against float64 is at most twice that of PyTorch in float32.
 */
@Tag("slow")
class NetworkTrainingOracleTest {
  private static final int STEPS = 2;
  private static final float RATE = 0.1f;

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "preresnet-110, 4, 32",
    "wrn-16-4, 8, 32",
    "pyramidnet-110-a84, 4, 32",
    "se-resnet-20, 8, 32",
    "googlenet, 4, 96",
  })
  void updatesAreAsNearAsPyTorchs(String name, int batch, int size) throws IOException {
    Oracle.run(
        "training_oracle.py",
        List.of(
            name,
            folder.toString(),
            "--batch",
            "" + batch,
            "--size",
            "" + size,
            "--long",
            "" + STEPS,
            "--lr",
            "" + RATE));
    Map<String, double[]> before = Tensors.of(folder, "weights");
    try (Device device = Device.open("host");
        Model model =
            Models.of(new WithoutDropout(Catalogue.find(name).orElseThrow()))
                .load(folder.resolve("weights.safetensors"))) {
      for (Policy policy : List.of(Policy.UNFUSED, Policy.FUSED)) {
        Training training =
            Training.batch(batch)
                .image(size, size)
                .policy(policy)
                .nesterov(true)
                .weightDecay(1e-4f);
        try (Trainer trainer = model.train(device, training)) {
          for (int step = 1; step <= STEPS; step++) {
            step(trainer, batch);
            assertNear(before, step, trainer.parameters(), name + ", " + policy);
          }
        }
      }
    }
  }

  private void step(Trainer trainer, int batch) throws IOException {
    try (Arena arena = Arena.ofConfined();
        SafeTensors file = SafeTensors.open(folder.resolve("batch.safetensors"))) {
      MemorySegment images = arena.allocate(file.segment("images").byteSize(), 64);
      file.floats("images", images);
      float[] labels = file.floats("labels");
      trainer.step(images, IntStream.range(0, batch).map(i -> (int) labels[i]).toArray(), RATE);
    }
  }

  private void assertNear(
      Map<String, double[]> before, int steps, Map<String, float[]> after, String what)
      throws IOException {
    String file = "after-" + steps + "-float";
    Map<String, double[]> exact = Tensors.minus(Tensors.of(folder, file + "64"), before);
    Map<String, double[]> theirs = Tensors.minus(Tensors.of(folder, file + "32"), before);
    Map<String, double[]> ours = Tensors.minus(Tensors.wide(after), before);
    assertEquals(exact.keySet(), ours.keySet());
    double accepted = 2 * Tensors.error(theirs, exact);
    double error = Tensors.error(ours, exact);
    String measured = "%s, %d steps: %.2e, accepted %.2e".formatted(what, steps, error, accepted);
    assertTrue(error <= accepted, measured);
  }

  /** A network whose dropouts keep everything: PyTorch draws others. */
  private record WithoutDropout(Network network) implements Network {
    @Override
    public String name() {
      return network.name();
    }

    @Override
    public int channels() {
      return network.channels();
    }

    @Override
    public int imageSize() {
      return network.imageSize();
    }

    @Override
    public int classes() {
      return network.classes();
    }

    @Override
    public Graph graph(int batch, int height, int width, DType dtype) {
      return kept(network.graph(batch, height, width, dtype));
    }

    @Override
    public Graph trainingGraph(int batch, int height, int width, DType dtype) {
      return kept(network.trainingGraph(batch, height, width, dtype));
    }

    private static Graph kept(Graph graph) {
      List<Node> nodes =
          graph.nodes().stream()
              .map(
                  n ->
                      n.op() instanceof Op.Dropout
                          ? new Node(n.name(), new Op.Dropout(0), n.inputs(), n.output())
                          : n)
              .toList();
      return new Graph(graph.name(), graph.inputs(), nodes, graph.outputs());
    }
  }
}
