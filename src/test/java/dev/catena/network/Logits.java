package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.Variant;
import dev.catena.device.Device;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Runs networks and holds what comes out against what should. */
final class Logits {
  private Logits() {}

  /** The session's output for a batch. */
  static float[] run(Session session, float[] images) {
    int batch = images.length / session.imageSize();
    float[] logits = new float[batch * session.resultSize()];
    session.run(MemorySegment.ofArray(images), MemorySegment.ofArray(logits));
    return logits;
  }

  /**
   * Fails unless all are within {@code tolerance} of the expected ones, relative to the largest of
   * these; NaN is within nothing.
   */
  static void assertClose(float[] expected, float[] actual, double tolerance, String what) {
    if (expected.length != actual.length) {
      fail("%s: %d logits, not %d".formatted(what, actual.length, expected.length));
    }
    double largest = 0;
    double worst = 0;
    int at = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      double error = Math.abs((double) expected[i] - actual[i]);
      if (Double.isNaN(error) || error > worst) {
        worst = Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
        at = i;
      }
    }
    if (!(worst <= tolerance * largest)) {
      fail(
          "%s: logit %d is %g, not %g: off by %.2g of the largest, %g; %.2g is allowed"
              .formatted(what, at, actual[at], expected[at], worst / largest, largest, tolerance));
    }
  }

  /**
   * Fails unless a model makes of every {@code case-N.safetensors} what the file says: every
   * variant of the first, of others the fused one, which alone is adapted to batch and size. All
   * variants at other sizes are the golden files'.
   */
  static void assertCasesClose(String name, Path folder, double tolerance) throws IOException {
    for (String device : Device.available()) {
      int cases = 0;
      for (Path file = folder.resolve("case-0.safetensors"); Files.exists(file); cases++) {
        for (Variant variant : cases == 0 ? List.of(Variant.values()) : List.of(Variant.FUSED)) {
          assertClose(device, name, variant, folder, file, tolerance);
        }
        file = folder.resolve("case-%d.safetensors".formatted(cases + 1));
      }
      assertTrue(cases > 0, "no cases in " + folder);
    }
  }

  /**
   * Fails unless a variant of a model, on a device, makes of a case's {@code input} its {@code
   * output}.
   *
   * @param folder has the weights, {@code NAME.safetensors}
   */
  private static void assertClose(
      String deviceId, String name, Variant variant, Path folder, Path file, double tolerance)
      throws IOException {
    Path weights = folder.resolve(name + ".safetensors");
    try (SafeTensors golden = SafeTensors.open(file)) {
      long[] shape = golden.tensor("input").shape();
      Inference options =
          Inference.batch((int) shape[0]).image((int) shape[2], (int) shape[3]).variant(variant);
      try (Device device = Device.open(deviceId);
          Model model = Models.get(name).load(weights);
          Session session = model.compile(device, options)) {
        assertClose(
            golden.floats("output"),
            run(session, golden.floats("input")),
            tolerance,
            "%s, %s, %s, %s".formatted(name, deviceId, variant.label(), file.getFileName()));
      }
    }
  }

  /** Rows one after another, in fp32. */
  static float[] flat(List<List<Double>> rows) {
    float[] values = new float[rows.stream().mapToInt(List::size).sum()];
    int i = 0;
    for (List<Double> row : rows) {
      for (double value : row) {
        values[i++] = (float) value;
      }
    }
    return values;
  }
}
