package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Node;
import dev.catena.graph.Value;
import dev.catena.io.SafeTensors;
import dev.catena.io.SafeTensorsWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights as others have them. */
class StoredParametersTest {
  private static final int SIZE = 64;

  @TempDir private Path folder;

  /** Of each family the smallest. */
  @ParameterizedTest
  @CsvSource({
    "densenet-bc-40-12, FP16",
    "resnet18, BF16",
    "resnet-20, BF16",
    "preresnet-110, FP16",
    "wrn-16-4, BF16",
    "pyramidnet-110-a48, FP16",
    "resnet-110-depth, BF16",
    "se-resnet-20, FP16",
    "googlenet, BF16",
  })
  void halfPrecisionIsThatRoundedFromFp32(String name, DType dtype) throws IOException {
    Parameters initial = Parameters.initial(5);
    Path file = folder.resolve("half.safetensors");
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (Node node : Models.get(name).network().graph(1, DType.FP32).parameters()) {
      long[] shape = node.output().shape().dims().stream().mapToLong(d -> d).toArray();
      writer.add(node.name(), dtype, shape, initial.values(node));
    }
    writer.write(file);
    try (Model stored = Models.get(name).load(file);
        Model rounded = Models.get(name).with(node -> rounded(initial.values(node), dtype))) {
      assertArrayEquals(run(rounded), run(stored));
    }
  }

  private static float[] rounded(float[] values, DType dtype) {
    float[] rounded = new float[values.length];
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] = dtype.round(values[i]);
    }
    return rounded;
  }

  private static float[] run(Model model) {
    SplittableRandom random = new SplittableRandom(5);
    float[] images = new float[3 * SIZE * SIZE];
    for (int i = 0; i < images.length; i++) {
      images[i] = (float) (2 * random.nextDouble() - 1);
    }
    float[] logits = new float[model.network().classes()];
    Inference options = Inference.batch(1).image(SIZE, SIZE);
    try (Device device = Device.open("host");
        Session session = model.compile(device, options)) {
      session.run(MemorySegment.ofArray(images), MemorySegment.ofArray(logits));
    }
    return logits;
  }

  /** What VGG's ends with, torchvision's names. */
  private static Graph classifier() {
    GraphBuilder g = new GraphBuilder("vgg", DType.FP32);
    Value x = g.flatten("flatten", g.input(1, 2, 3, 3));
    x = g.linear("classifier.3", g.linear("classifier.0", x, 4), 5);
    return g.build(g.linear("classifier.6", x, 6));
  }

  @Test
  void namesOfTimmAreUnderstood() throws IOException {
    Path file = folder.resolve("timm.safetensors");
    float[] first = new float[4 * 18];
    first[17] = 3;
    new SafeTensorsWriter()
        .add("pre_logits.fc1.weight", DType.FP32, new long[] {4, 2, 3, 3}, first)
        .add("pre_logits.fc1.bias", DType.FP32, new long[] {4}, new float[4])
        .add("pre_logits.fc2.weight", DType.FP32, new long[] {5, 4, 1, 1}, new float[20])
        .add("pre_logits.fc2.bias", DType.FP32, new long[] {5}, new float[5])
        .add("head.fc.weight", DType.FP32, new long[] {6, 5}, new float[30])
        .add("head.fc.bias", DType.FP32, new long[] {6}, new float[] {1, 2, 3, 4, 5, 6})
        .write(file);
    try (SafeTensors weights = SafeTensors.open(file)) {
      Graph graph = classifier();
      StoredParameters stored =
          new StoredParameters(weights, graph, graph, _ -> false, Parameters.initial(0));
      assertArrayEquals(first, stored.values(named(graph, "classifier.0.weight")));
      assertEquals(6, stored.values(named(graph, "classifier.6.bias"))[5]);
    }
  }

  @Test
  void filtersOfAnotherOrderAreRefused() throws IOException {
    Path file = folder.resolve("wrong.safetensors");
    new SafeTensorsWriter()
        .add("head.fc.weight", DType.FP32, new long[] {5, 6, 1, 1}, new float[30])
        .write(file);
    try (SafeTensors weights = SafeTensors.open(file)) {
      Graph graph = classifier();
      var e =
          assertThrows(
              ModelFormatException.class,
              () -> new StoredParameters(weights, graph, graph, _ -> false, Parameters.initial(0)));
      assertTrue(
          e.getMessage().contains("classifier.6.weight is [5, 6, 1, 1], not [6x5]"),
          e.getMessage());
    }
  }

  private static Node named(Graph graph, String name) {
    return graph.parameters().stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow();
  }
}
