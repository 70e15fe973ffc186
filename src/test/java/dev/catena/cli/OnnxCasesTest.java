package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Small ONNX models of one feature each, against the outputs that ONNX Runtime computed. Those that
 * Catena does not run yet are listed, and are refused.
 */
@Tag("slow")
class OnnxCasesTest {
  @TempDir Path folder;

  @TestFactory
  Stream<DynamicTest> agreeOrAreRefused() throws IOException {
    unpack();
    Set<String> refused =
        Set.of(new String(resource("cases-refused.txt"), StandardCharsets.UTF_8).split("\n"));
    List<String> names;
    try (Stream<Path> all = Files.list(folder)) {
      names = all.map(one -> one.getFileName().toString()).sorted().toList();
    }
    assertTrue(names.size() > 100);
    assertTrue(names.containsAll(refused));
    return names.stream()
        .map(
            name ->
                DynamicTest.dynamicTest(
                    name,
                    () -> {
                      if (refused.contains(name)) {
                        run(name).complaint();
                      } else {
                        assertAgrees(name);
                      }
                    }));
  }

  @Test
  void anOpenSizeIsAskedFor() throws IOException {
    unpack();
    String model = folder.resolve("01-open-hw/m.onnx").toString();
    String[] plan = {"plan", model, "--batch", "1"};
    assertTrue(Cli.run(plan).complaint().contains("--size HxW"));
    Cli.Result sized = Cli.run("plan", model, "--batch", "1", "--size", "20x24");
    assertEquals(0, sized.code(), sized.err());
    assertTrue(Cli.run("plan", model, "--size", "20").complaint().contains("224x224"));
    Cli.Result trained = Cli.run("plan", Cli.MODEL, "--train", "--batch", "2", "--size", "32x48");
    assertEquals(0, trained.code(), trained.err());
    String picture = folder.resolve("none.png").toString();
    assertTrue(
        Cli.run("run", model, picture, "--size", "20x24").complaint().contains("not square"));
  }

  @Test
  void aValueInsideIsComputedByItsName() throws IOException {
    unpack();
    Path model = folder.resolve("09-two-outputs/m.onnx");
    Path input = folder.resolve("09-two-outputs/x.safetensors");
    Path features = folder.resolve("features.safetensors");
    String[] run = {"run", "" + model, "--input", "" + input, "--output", "" + features};
    String[] named = {"--output-name", "gap", "--device", "host", "--no-tune"};
    Cli.Result result = Cli.run(Stream.of(run, named).flatMap(Stream::of).toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    try (SafeTensors found = SafeTensors.open(features)) {
      assertArrayEquals(new long[] {2, 8}, found.tensor("output").shape());
    }
    named[1] = "gip";
    assertTrue(
        Cli.run(Stream.of(run, named).flatMap(Stream::of).toArray(String[]::new))
            .complaint()
            .contains("output 'gip': no operator makes it; the model's own outputs are [y, m]"));
  }

  private void unpack() throws IOException {
    try (InputStream in = OnnxCasesTest.class.getResourceAsStream("/dev/catena/onnx/cases.zip");
        ZipInputStream zip = new ZipInputStream(in)) {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Path file = folder.resolve(entry.getName());
        if (!entry.isDirectory()) {
          Files.createDirectories(file.getParent());
          Files.copy(zip, file);
        }
      }
    }
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = OnnxCasesTest.class.getResourceAsStream("/dev/catena/onnx/" + name)) {
      return in.readAllBytes();
    }
  }

  private Cli.Result run(String name) {
    Path one = folder.resolve(name);
    return Cli.run(
        "run",
        one.resolve("m.onnx").toString(),
        "--input",
        one.resolve("x.safetensors").toString(),
        "--output",
        one.resolve("y.safetensors").toString(),
        "--no-tune",
        "--device",
        "host");
  }

  private void assertAgrees(String name) throws IOException {
    Cli.Result result = run(name);
    assertEquals(0, result.code(), result.err());
    Path one = folder.resolve(name);
    try (SafeTensors wanted = SafeTensors.open(one.resolve("expected.safetensors"));
        SafeTensors found = SafeTensors.open(one.resolve("y.safetensors"))) {
      assertClose(wanted.floats("output"), found.floats("output"), tolerance(name));
    }
  }

  private static double tolerance(String name) {
    return name.contains("bf16") ? 4e-2 : name.contains("fp16") ? 1e-2 : 1e-4;
  }

  private static void assertClose(float[] wanted, float[] found, double tolerance) {
    assertEquals(wanted.length, found.length);
    double largest = 0;
    for (float value : wanted) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (int i = 0; i < wanted.length; i++) {
      assertEquals(wanted[i], found[i], tolerance * largest, "number " + i);
    }
  }
}
