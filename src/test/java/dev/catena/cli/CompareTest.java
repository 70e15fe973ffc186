package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class CompareTest {
  @TempDir private Path folder;

  private static Cli.Result compare(String... more) {
    Stream<String> arguments =
        Stream.of("compare", Cli.MODEL, "--device", "host", "--no-tune", "--batch", "2");
    return Cli.run(
        Stream.concat(Stream.concat(arguments, Stream.of("--rounds", "2")), Stream.of(more))
            .toArray(String[]::new));
  }

  private static List<Map<?, ?>> variants(Cli.Result result) throws Exception {
    return ((List<?>) result.json().get("variants"))
        .stream().<Map<?, ?>>map(Map.class::cast).toList();
  }

  @Test
  void reportsEveryVariantAsJson() throws Exception {
    Cli.Result result = compare("--json", "-");
    assertEquals(0, result.code(), result.err());
    assertEquals("", result.err());
    Map<String, Object> json = result.json();
    assertEquals(Cli.MODEL, json.get("model"));
    assertEquals(2, json.get("batch"));
    assertEquals("fp32", json.get("dtype"));
    assertEquals("host", ((Map<?, ?>) json.get("device")).get("kind"));
    assertFalse(((Map<?, ?>) json.get("device")).get("name").toString().isEmpty());
    assertEquals(
        List.of("unfused", "in-place", "fused"),
        variants(result).stream().map(v -> v.get("name")).toList());
    for (Map<?, ?> variant : variants(result)) {
      assertTrue(
          variant
              .keySet()
              .containsAll(
                  Set.of(
                      "planned_bytes",
                      "lower_bound_bytes",
                      "measured_bytes",
                      "weights_bytes",
                      "launches",
                      "median_ms",
                      "min_ms",
                      "images_per_s",
                      "max_abs_diff",
                      "max_rel_diff")),
          variant.toString());
      assertTrue(number(variant, "min_ms") > 0);
      assertTrue(number(variant, "median_ms") >= number(variant, "min_ms"));
      assertEquals(2000 / number(variant, "median_ms"), number(variant, "images_per_s"), 1e-6);
      assertTrue(number(variant, "measured_bytes") >= number(variant, "planned_bytes"));
      assertTrue(number(variant, "planned_bytes") >= number(variant, "lower_bound_bytes"));
      assertTrue(number(variant, "max_rel_diff") < 1e-4);
      assertEquals(2, variant.get("rounds"));
      assertFalse(((Map<?, ?>) variant.get("engines")).isEmpty());
    }
  }

  private static double number(Map<?, ?> map, String key) {
    return ((Number) map.get(key)).doubleValue();
  }

  @Test
  void printsATableOfTheVariantsAskedForInTheirOrder() {
    Cli.Result result = compare("--variants", "fused,unfused");
    assertEquals(0, result.code(), result.err());
    List<String> lines = result.out().lines().toList();
    int heading =
        lines.indexOf(lines.stream().filter(l -> l.startsWith("variant")).findFirst().get());
    assertTrue(lines.get(heading + 2).startsWith("fused "), result.out());
    assertTrue(lines.get(heading + 2).endsWith(" 0.0e+00"), "the first is the reference");
    assertTrue(lines.get(heading + 3).startsWith("unfused "), result.out());
    assertFalse(result.out().contains("in-place"), result.out());
  }

  @Test
  void failsWhereVariantsDisagree() throws Exception {
    // The fused variant rounds in another order, so that some digit differs.
    Cli.Result result = compare("--tolerance", "0", "--json", "-");
    assertEquals(1, result.code(), result.err());
    assertEquals(false, result.json().get("agree"));
    assertTrue(result.err().startsWith("catena: the variants' results differ"), result.err());
  }

  @Test
  void failsWhereResultsAreNotFinite() throws Exception {
    Path weights = Samples.infiniteWeights(folder.resolve("w.safetensors"));
    Cli.Result result = compare("--weights", weights.toString(), "--json", "-");
    assertEquals(1, result.code(), result.err());
    assertEquals(false, result.json().get("agree"));
    assertNull(variants(result).getLast().get("max_rel_diff"));
    assertTrue(
        result.err().matches("(?s)catena: overflow in fp32: \\S+ is the first step of .*"),
        result.err());
  }

  @Test
  void tellsEachStepsEngineToThoseWhoAsk() throws Exception {
    Cli.Result result = compare("--variants", "fused", "--json", "-", "--verbose");
    assertEquals(0, result.code(), result.err());
    int steps =
        ((Map<?, ?>) variants(result).getFirst().get("engines"))
            .values().stream().mapToInt(n -> (int) n).sum();
    assertEquals(steps, result.err().lines().filter(l -> l.startsWith("catena: fused, ")).count());
    assertTrue(result.err().matches("(?s).*fused, classifier: \\w+\n.*"), result.err());
  }

  @Test
  void forcesAnEngine() throws Exception {
    Cli.Result result = compare("--variants", "unfused", "--engine", "kernel", "--json", "-");
    assertEquals(0, result.code(), result.err());
    Map<?, ?> engines = (Map<?, ?>) variants(result).getFirst().get("engines");
    assertFalse(engines.containsKey("tiled"), engines.toString());
  }

  @Test
  void drawsTheMemoryOfEachVariant() throws Exception {
    Path chart = folder.resolve("chart.svg");
    assertEquals(0, compare("--variants", "in-place,fused", "--chart", chart.toString()).code());
    String svg = Files.readString(chart);
    assertTrue(svg.contains(">" + Cli.MODEL + ", in-place</text>"), svg.substring(0, 900));
    assertTrue(svg.contains(">" + Cli.MODEL + ", fused</text>"));
  }

  @Test
  void trainingIsComparedUnderTheFourPolicies() throws Exception {
    Cli.Result result = compare("--train", "--json", "-");
    assertEquals(0, result.code(), result.err());
    assertEquals(true, result.json().get("training"));
    List<Map<?, ?>> policies = variants(result);
    assertEquals(
        List.of("unfused", "in-place", "fused", "recompute"),
        policies.stream().map(v -> v.get("name")).toList());
    for (Map<?, ?> policy : policies) {
      assertTrue(number(policy, "loss") > 0.5, result.out());
      assertTrue(number(policy, "max_abs_diff") >= 0);
      assertTrue(number(policy, "measured_bytes") >= number(policy, "planned_bytes"));
      assertTrue(number(policy, "measured_total_bytes") >= number(policy, "total_bytes"));
    }
    assertEquals(policies.get(2).get("gradient_norm"), policies.get(3).get("gradient_norm"));
    assertTrue(number(policies.get(3), "total_bytes") < number(policies.get(2), "total_bytes"));
    assertTrue(number(policies.get(2), "total_bytes") < number(policies.get(1), "total_bytes"));
    String text = compare("--train", "--policies", "recompute").out();
    assertTrue(text.contains("recompute: loss"), text);
  }
}
