package dev.catena.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.protobuf.ByteString;
import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.device.Device;
import dev.catena.error.ModelFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * ONNX's own tests of its operators, as Debian's libonnx-testdata has them: a model, inputs and
 * outputs each. The first input is the batch, the others are constants. Which pass is a list, so
 * that none is lost unseen; the rest must be refused by name.
 */
class OnnxOperatorsTest {
  private static final Path DATA = Path.of("/usr/include/onnx/backend/test/data");
  private static final List<String> KINDS =
      List.of("node", "pytorch-converted", "pytorch-operator");

  /** ONNX's own: relative and absolute. */
  private static final double RELATIVE = 1e-3;

  private static final double ABSOLUTE = 1e-6;

  @Test
  void passOrAreRefusedByName() throws IOException {
    assumeTrue(
        Files.isDirectory(DATA), "no operator tests: Debian's package libonnx-testdata has them");
    TreeSet<String> passed = new TreeSet<>();
    TreeMap<String, String> refused = new TreeMap<>();
    TreeMap<String, String> failed = new TreeMap<>();
    try (Device device = Device.open("host")) {
      for (Path test : tests()) {
        String name = DATA.relativize(test).toString();
        try {
          String wrong = run(device, test);
          if (wrong.isEmpty()) {
            passed.add(name);
          } else {
            failed.put(name, wrong);
          }
        } catch (ModelFormatException e) {
          refused.put(name, e.place() + ": " + e.reason());
        } catch (RuntimeException e) {
          failed.put(name, e.toString());
        }
      }
    }
    Path report = Path.of("target", "onnx-operators.txt");
    List<String> lines = new ArrayList<>();
    lines.add("%d passed, %d refused".formatted(passed.size(), refused.size()));
    refused.forEach((name, why) -> lines.add(name + ": " + why));
    Files.write(report, lines);
    System.out.println("ONNX's operator tests: " + lines.getFirst() + ", listed in " + report);
    assertEquals(Map.of(), failed);
    assertEquals(String.join("\n", expected()), String.join("\n", passed));
  }

  private static List<String> expected() throws IOException {
    try (InputStream in = OnnxOperatorsTest.class.getResourceAsStream("operators.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
  }

  private static List<Path> tests() throws IOException {
    List<Path> tests = new ArrayList<>();
    for (String kind : KINDS) {
      try (Stream<Path> folders = Files.list(DATA.resolve(kind))) {
        folders.filter(f -> Files.exists(f.resolve("model.onnx"))).sorted().forEach(tests::add);
      }
    }
    return tests;
  }

  /** What is wrong; empty if nothing. */
  private static String run(Device device, Path test) throws IOException {
    Path data = test.resolve("test_data_set_0");
    OnnxFile file = OnnxFile.read(test.resolve("model.onnx"));
    Map<String, OnnxTensor> tensors = new HashMap<>(file.tensors());
    for (int i = 1; i < file.inputs().size(); i++) {
      String name = file.inputs().get(i).name();
      OnnxTensor given = tensor(file.file(), data.resolve("input_" + i + ".pb"));
      tensors.put(name, new OnnxTensor(name, given.dims(), given.type(), given.data()));
    }
    List<OnnxFile.Port> inputs = file.inputs().stream().limit(1).toList();
    OnnxModel model =
        new OnnxModel(
            new OnnxFile(file.file(), file.opset(), file.nodes(), tensors, inputs, file.outputs()),
            Optional.empty());
    int batch = inputs.getFirst().dims().getFirst();
    try (Session session =
        Models.of(model)
            .with(p -> model.values(p.name()))
            .compile(device, Inference.batch(batch))) {
      float[] input = tensor(file.file(), data.resolve("input_0.pb")).floats();
      float[] wanted = tensor(file.file(), data.resolve("output_0.pb")).floats();
      return difference(wanted, run(session, input, batch));
    }
  }

  private static OnnxTensor tensor(Path model, Path file) throws IOException {
    ByteString bytes = ByteString.copyFrom(Files.readAllBytes(file));
    return new TensorReader(model).read(Message.parse(bytes));
  }

  private static float[] run(Session session, float[] input, int batch) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment images = arena.allocateFrom(ValueLayout.JAVA_FLOAT, input);
      MemorySegment result =
          arena.allocate(ValueLayout.JAVA_FLOAT, (long) batch * session.resultSize());
      session.run(images, result);
      return result.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static String difference(float[] wanted, float[] got) {
    if (wanted.length != got.length) {
      return got.length + " numbers, not " + wanted.length;
    }
    for (int i = 0; i < wanted.length; i++) {
      if (!(Math.abs(got[i] - wanted[i]) <= ABSOLUTE + RELATIVE * Math.abs(wanted[i]))) {
        return "number %d is %s, not %s".formatted(i, got[i], wanted[i]);
      }
    }
    return "";
  }
}
