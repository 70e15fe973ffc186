package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.model.Catalogue;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands that need no device: {@code plan}, {@code models}, {@code info}. */
class ReportsTest {
  @TempDir private Path folder;

  @Test
  void plansEveryVariant() throws Exception {
    Cli.Result result =
        Cli.run("plan", Cli.MODEL, "--batch", "4", "--dtype", "fp16", "--json", "-");
    assertEquals(0, result.code(), result.err());
    assertEquals("fp16", result.json().get("dtype"));
    assertEquals(4, result.json().get("batch"));
    List<?> variants = (List<?>) result.json().get("variants");
    assertEquals(3, variants.size());
    long unfused = planned(variants.getFirst());
    assertTrue(planned(variants.getLast()) < 0.6 * unfused, result.out());
    for (Object variant : variants) {
      assertTrue(
          ((Map<?, ?>) variant)
              .keySet()
              .containsAll(Set.of("name", "lower_bound_bytes", "weights_bytes")),
          variant.toString());
    }
  }

  @Test
  void plansATrainingStepUnderEveryPolicy() throws Exception {
    Cli.Result result = Cli.run("plan", Cli.MODEL, "--train", "--batch", "4", "--json", "-");
    assertEquals(0, result.code(), result.err());
    assertEquals(true, result.json().get("training"));
    List<?> policies = (List<?>) result.json().get("variants");
    assertEquals(
        List.of("unfused", "in-place", "fused", "recompute"),
        policies.stream().map(p -> ((Map<?, ?>) p).get("name")).toList());
    for (int i = 1; i < policies.size(); i++) {
      assertTrue(planned(policies.get(i)) < planned(policies.get(i - 1)), result.out());
    }
    Object fused = policies.get(2);
    assertEquals(
        bytes(fused, "total_bytes"),
        planned(fused) + bytes(fused, "weights_bytes") + bytes(fused, "optimizer_bytes"));
    String text = Cli.run("plan", Cli.MODEL, "--train").out();
    assertTrue(text.contains("optimizer") && text.contains("recompute"), text);
  }

  private static long planned(Object variant) {
    return bytes(variant, "planned_bytes");
  }

  private static long bytes(Object variant, String key) {
    return ((Number) ((Map<?, ?>) variant).get(key)).longValue();
  }

  @Test
  void listsBuffersAndDrawsThem() throws Exception {
    Path chart = Files.writeString(folder.resolve("chart.svg"), "an older chart");
    Path json = folder.resolve("plan.json");
    Cli.Result result =
        Cli.run(
            "plan", Cli.MODEL, "--buffers", "--chart", chart.toString(), "--json", json.toString());
    assertEquals(0, result.code(), result.err());
    assertTrue(result.out().startsWith("variant "), result.out());
    assertTrue(result.out().contains("fused: " + Cli.MODEL + ": "), result.out());
    assertTrue(result.out().contains("  features "), result.out());
    assertTrue(Files.readString(chart).startsWith("<svg "));
    assertEquals(Cli.MODEL, ((Map<?, ?>) JsonTree.parse(Files.readString(json))).get("model"));
    try (var left = Files.list(folder)) {
      assertEquals(2, left.count(), "temporary files are left");
    }
  }

  @Test
  void listsTheCatalogue() throws Exception {
    Cli.Result result = Cli.run("models", "--json", "-");
    assertEquals(0, result.code(), result.err());
    List<?> models = (List<?>) JsonTree.parse(result.out());
    assertEquals(Catalogue.all().size(), models.size());
    Map<?, ?> first = (Map<?, ?>) models.getFirst();
    assertEquals("densenet121", first.get("name"));
    assertEquals(7978856, first.get("parameters"));
    assertEquals(2834161664L, ((Number) first.get("multiply_adds")).longValue());
    assertEquals("3x224x224", first.get("input"));
    assertEquals(1000, first.get("classes"));

    String table = Cli.run("models", "--wide").out();
    assertTrue(table.contains("7,978,856"), table);
    assertEquals(2 + models.size(), table.lines().count(), table);
    Cli.run("models").out().lines().forEach(line -> assertTrue(line.length() <= 80, line));
  }

  @Test
  void saysWhatWasFound() throws Exception {
    Cli.Result result = Cli.run("info", "--json", "-");
    assertEquals(0, result.code(), result.err());
    List<?> devices = (List<?>) result.json().get("devices");
    assertTrue(
        devices.stream().anyMatch(d -> "host".equals(((Map<?, ?>) d).get("kind"))), result.out());
    String text = Cli.run("info").out();
    assertTrue(text.contains("engines: tiled-amx, tiled, onednn"), text);
    for (Object library : (List<?>) result.json().get("libraries")) {
      assertTrue(text.contains("\n" + ((Map<?, ?>) library).get("name") + " "), text);
    }
  }
}
