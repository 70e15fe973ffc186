package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Dim;
import dev.catena.device.Stream;
import dev.catena.io.Image;
import dev.catena.io.Preprocessing;
import dev.catena.io.SafeTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code run} from files to classes, against sessions of one image. */
class RunTest {
  @TempDir private Path folder;
  private Path weights;

  @BeforeEach
  void writeWeights() throws Exception {
    weights = Samples.weights(folder.resolve("w.safetensors"));
  }

  private Cli.Result run(Object... arguments) {
    List<String> all =
        new java.util.ArrayList<>(
            List.of("run", Cli.MODEL, "--device", "host", "--no-tune", "--weights"));
    all.add(weights.toString());
    for (Object argument : arguments) {
      all.add(argument.toString());
    }
    Cli.Result result = Cli.run(all.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    assertEquals("", result.err());
    return result;
  }

  /** The logits of each image, computed one at a time. */
  private float[][] logits(float[][] images) throws Exception {
    float[][] logits = new float[images.length][];
    try (Device device = Device.open("host");
        Model model = Models.get(Cli.MODEL).load(weights);
        Session session = model.compile(device, Inference.batch(1));
        Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(4L * session.resultSize(), 64);
      for (int i = 0; i < images.length; i++) {
        session.run(arena.allocateFrom(ValueLayout.JAVA_FLOAT, images[i]), result);
        logits[i] = result.toArray(ValueLayout.JAVA_FLOAT);
      }
    }
    return logits;
  }

  private static float[] pixels(Path picture) throws Exception {
    return Preprocessing.imageNet(32).apply(Image.read(picture));
  }

  @Test
  void classifiesPictures() throws Exception {
    Path a = Samples.picture(folder.resolve("a.png"), 50, 40, 1);
    Path b = Samples.picture(folder.resolve("b.png"), 33, 70, 2);
    Path labels = folder.resolve("labels.txt");
    Files.write(labels, IntStream.range(0, 10).mapToObj(i -> "kind " + i).toList());
    float[][] logits = logits(new float[][] {pixels(a), pixels(b)});

    Cli.Result json = run(a, b, "--labels", labels, "--top", 3, "--json", "-");
    assertEquals(Cli.MODEL, json.json().get("model"));
    List<?> images = (List<?>) json.json().get("images");
    assertEquals(2, images.size());
    for (int i = 0; i < 2; i++) {
      Map<?, ?> image = (Map<?, ?>) images.get(i);
      assertEquals((i == 0 ? a : b).toString(), image.get("image"));
      assertPlaces(logits[i], (List<?>) image.get("top"));
    }

    String text = run(a, b, "--labels", labels, "--top", 3).out();
    List<String> lines = text.lines().toList();
    assertEquals(8, lines.size(), text);
    assertEquals(b.toString(), lines.get(4));
    assertTrue(lines.get(5).matches(" +\\d+\\.\\d\\d %  kind \\d"), text);
  }

  private static void assertPlaces(float[] logits, List<?> places) {
    List<Integer> order =
        IntStream.range(0, 10)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -logits[i]))
            .toList();
    double sum = IntStream.range(0, 10).mapToDouble(i -> Math.exp(logits[i])).sum();
    assertEquals(3, places.size());
    for (int i = 0; i < 3; i++) {
      Map<?, ?> place = (Map<?, ?>) places.get(i);
      int index = order.get(i);
      assertEquals(index, place.get("class"));
      assertEquals("kind " + index, place.get("label"));
      assertEquals(logits[index], number(place, "logit"), 1e-4);
      assertEquals(Math.exp(logits[index]) / sum, number(place, "probability"), 1e-4);
    }
  }

  private static double number(Map<?, ?> map, String key) {
    return ((Number) map.get(key)).doubleValue();
  }

  @Test
  void runsTensorsOfAnyNumberAndForm() throws Exception {
    int count = 19; // a full batch and three
    long[] shape = {count, 3, 24, 32};
    Path input = Samples.tensor(folder.resolve("i.safetensors"), "input", shape);
    Path output = folder.resolve("o.safetensors");
    run("--input", input, "--output", output, "--json", folder.resolve("o.json"));
    float[] all = Samples.random(shape);
    try (Device device = Device.open("host");
        Model model = Models.get(Cli.MODEL).load(weights);
        Session session = model.compile(device, Inference.batch(1).image(24, 32));
        SafeTensors file = SafeTensors.open(output);
        Arena arena = Arena.ofConfined()) {
      assertArrayEquals(new long[] {count, 10}, file.tensor("output").shape());
      float[] found = file.floats("output");
      MemorySegment images = arena.allocateFrom(ValueLayout.JAVA_FLOAT, all);
      MemorySegment one = arena.allocate(40, 64);
      long bytes = images.byteSize() / count;
      for (int i = 0; i < count; i++) {
        session.run(images.asSlice(i * bytes, bytes), one);
        for (int c = 0; c < 10; c++) {
          float expected = one.getAtIndex(ValueLayout.JAVA_FLOAT, c);
          assertEquals(expected, found[10 * i + c], 1e-4, "image " + i + ", class " + c);
        }
      }
    }
    Map<?, ?> json = (Map<?, ?>) JsonTree.parse(Files.readString(folder.resolve("o.json")));
    assertEquals(count, ((List<?>) json.get("images")).size());
  }

  private record View(long data, int pitch) {}

  private record Add(View y, View a, View b, int pixels, int channels, int rectify) {}

  @Test
  void aCommandEndsWithWhatTheJudgeFound() {
    try (Device device = Device.open("ptx:90");
        DeviceMemory neverWritten = device.allocate(32 * 8 * Float.BYTES);
        DeviceMemory sum = device.allocate(32 * 8 * Float.BYTES);
        Stream stream = device.newStream()) {
      View unwritten = new View(neverWritten.address(), 8);
      Add add = new Add(new View(sum.address(), 8), unwritten, unwritten, 32, 8, 0);
      device
          .module("add")
          .kernel("add_f32")
          .prepare(Dim.of(1), Dim.of(1, 32), 0, add)
          .enqueue(stream);
      stream.synchronize();
    }
    Cli.Result result = Cli.run("models");
    assertEquals(1, result.code());
    assertTrue(
        result.err().contains("faulty kernel: device memory is read that was"), result.err());
    assertTrue(result.err().contains("kernels/add.cu:"), result.err());
    assertEquals(0, Cli.run("models").code());
  }
}
