package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Node;
import dev.catena.io.Image;
import dev.catena.io.SafeTensors;
import dev.catena.io.SafeTensorsWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelTest {
  private static final String NAME = "densenet-bc-40-12";
  private static final Parameters WEIGHTS = Parameters.initial(3);

  @TempDir private Path folder;

  @Test
  void namesOfOldCheckpointsAreUnderstood() throws IOException {
    Path today = write("today", name -> name);
    Path old = write("old", ModelTest::oldName);
    assertArrayEquals(run(today), run(old));
  }

  @Test
  void wrongTensorsAreCountedAndTheFirstNamedWithTheirShapes() throws IOException {
    SafeTensorsWriter writer = new SafeTensorsWriter();
    writer.add("classifier.bias", DType.FP32, new long[] {7}, new float[7]);
    writer.add("head.weight", DType.FP32, new long[] {2, 3}, new float[6]);
    Path file = folder.resolve("wrong.safetensors");
    writer.write(file);
    String message = refusal(file);
    for (String part :
        new String[] {
          "missing: features.conv0.weight [24x3x3x3], ",
          "features.denseblock1.denselayer1.norm1.running_var [24], ...; 1 unexpected",
          "1 unexpected: head.weight [2, 3]",
          "1 of another shape: classifier.bias is [7], not [10]",
          file.getFileName().toString()
        }) {
      assertTrue(message.contains(part), () -> part + " is not in " + message);
    }
    assertTrue(message.length() < 1000, message);
  }

  @Test
  void aTensorUnderAnOldAndANewNameIsRefused() throws IOException {
    SafeTensorsWriter writer = writer(name -> name);
    String name = "features.denseblock1.denselayer1.norm1.bias";
    writer.add(oldName(name), DType.FP32, new long[] {24}, new float[24]);
    Path file = folder.resolve("both.safetensors");
    writer.write(file);
    String message = refusal(file);
    assertTrue(message.contains("1 under an old and a new name: "), message);
    assertTrue(message.contains(name) && message.contains(oldName(name)), message);
  }

  @Test
  void aSessionOutlivesItsModelButAClosedModelCompilesNoMore() throws IOException {
    Path file = write("model", name -> name);
    try (Device device = Device.open("host")) {
      Model model = Models.get(NAME).load(file);
      Session session = model.compile(device, Inference.batch(1));
      long used = device.usedMemory();
      model.close();
      model.close();
      session.run(images(), MemorySegment.ofArray(new byte[40]));
      assertThrows(IllegalStateException.class, () -> model.compile(device, Inference.batch(1)));
      assertEquals(used, device.usedMemory());
      session.close();
      assertTrue(session.launches() > 0 && session.arenaBytes() > 0, "facts survive");
    }
  }

  /** Who gives tensors does not need what a file says of pictures. */
  @Test
  void aPreparationThatCatenaDoesNotHaveIsAnErrorOfPicturesAlone() throws IOException {
    Path file = write("model", name -> name);
    Files.writeString(folder.resolve("config.json"), "{\"input_size\": 32}");
    try (Device device = Device.open("host");
        Model model = Models.get(NAME).load(file);
        Session session = model.compile(device, Inference.batch(1))) {
      session.run(images(), MemorySegment.ofArray(new byte[40]));
      Image image = new Image(1, 1, new byte[3]);
      var e = assertThrows(ModelFormatException.class, () -> session.classify(image, 1));
      assertTrue(e.getMessage().contains("config.json"), e.getMessage());
      assertThrows(ModelFormatException.class, model::preprocessing);
    }
  }

  @Test
  void aFileThatTheCallerOpenedIsTheCallersToClose() throws IOException {
    Path path = write("model", name -> name);
    try (SafeTensors file = SafeTensors.open(path)) {
      Models.get(NAME).load(file).close();
      assertEquals(10, file.floats("classifier.bias").length, "still open");
      SafeTensors other = file;
      assertThrows(ModelFormatException.class, () -> Models.get("resnet18").load(other));
      assertEquals(10, file.floats("classifier.bias").length, "still open");
    }
  }

  private static String refusal(Path file) {
    return assertThrows(ModelFormatException.class, () -> Models.get(NAME).load(file)).getMessage();
  }

  private static byte[] run(Path weights) throws IOException {
    byte[] logits = new byte[40];
    try (Device device = Device.open("host");
        Model model = Models.get(NAME).load(weights);
        Session session = model.compile(device, Inference.batch(1))) {
      session.run(images(), MemorySegment.ofArray(logits));
    }
    return logits;
  }

  private static MemorySegment images() {
    float[] image = new float[3 * 32 * 32];
    for (int i = 0; i < image.length; i++) {
      image[i] = i % 7 - 3;
    }
    return MemorySegment.ofArray(image);
  }

  private static String oldName(String name) {
    return name.replaceAll("(denselayer\\d+\\.(?:norm|conv))([12])", "$1.$2");
  }

  private Path write(String file, UnaryOperator<String> renamed) throws IOException {
    Path path = folder.resolve(file + ".safetensors");
    writer(renamed).write(path);
    return path;
  }

  private static SafeTensorsWriter writer(UnaryOperator<String> renamed) {
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (Node node : Models.get(NAME).network().graph(1, DType.FP32).parameters()) {
      writer.add(
          renamed.apply(node.name()),
          DType.FP32,
          node.output().shape().dims().stream().mapToLong(Integer::longValue).toArray(),
          WEIGHTS.values(node));
    }
    return writer;
  }
}
