package dev.catena.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class BenchTest {
  private static final String LINE = "conv 1x8x8x16 k=8 dtype=f32";

  @TempDir private Path folder;

  @Test
  void givesCostTimeAndSharesOfEveryProblemOfAModel() throws Exception {
    Cli.Result result = kernels(Cli.MODEL, "--batch", "2", "--json", "-");
    assertEquals(0, result.code(), result.err());
    Map<?, ?> peaks = (Map<?, ?>) result.json().get("peaks");
    double total = 0;
    for (Map<?, ?> row : rows(result, "kernels")) {
      double seconds = number(row, "median_us") / 1e6;
      double copy = number(row, "bytes") / seconds / number(peaks, "bytes_per_s");
      double matrix = number(row, "flops") / seconds / number(peaks, "flops_per_s");
      assertEquals(copy, number(row, "copy_share"), 1e-6 * copy);
      assertEquals(matrix, number(row, "matrix_share"), 1e-6 * matrix);
      assertEquals(Math.min(1, Math.max(copy, matrix)), number(row, "roofline_share"), 1e-6);
      assertEquals(number(row, "times") * number(row, "median_us"), number(row, "total_us"), 1e-6);
      List<?> engines = (List<?>) row.get("engines");
      assertEquals(row.get("engine"), ((Map<?, ?>) engines.getFirst()).get("name"));
      total += number(row, "total_us");
    }
    assertEquals(total, number(result.json(), "total_us"), 1e-6 * total);
  }

  @Test
  void aTrainingStepHasProblemsOfItsOwn() throws Exception {
    String[] how = {"--batch", "2", "--bandwidth", "1", "--matrix", "1", "--json", "-"};
    Cli.Result step =
        Cli.run(with(how, "bench", "roofline", Cli.MODEL, "--train", "--policy", "recompute"));
    assertEquals(0, step.code(), step.err());
    assertEquals("recompute", step.json().get("policy"));
    assertTrue(step.out().contains("\"problem\" : \"conv-wgrad "), step.out());
  }

  @Test
  void aDescribedGpuIsModelledOnAnInterpreterAlone() throws Exception {
    Cli.Result unknown = kernels("--problem", LINE, "--as", "h300");
    assertEquals(2, unknown.code());
    assertTrue(unknown.err().contains("h200, a100, rtx4090"), unknown.err());
    Cli.Result host = kernels("--problem", LINE, "--as", "h200");
    assertEquals(2, host.code());
    assertTrue(host.err().contains("--device ptx:90"), host.err());
  }

  @Test
  void aModelOfKernelsHasItsLimiters() throws Exception {
    String[] how = {"--device", "ptx:90", "--as", "h200", "--blocks", "4", "--engines"};
    Path file = folder.resolve("model.json");
    Cli.Result text =
        Cli.run(with(how, "bench", "kernels", "--problem", LINE + " y=4/16", "--json", "" + file));
    assumeTrue(!text.err().contains("is not available"), text.err());
    assertEquals(0, text.code(), text.err());
    text.out().lines().forEach(line -> assertTrue(line.length() <= 80, line));
    Cli.Result result = new Cli.Result(text.code(), Files.readString(file), text.err());
    Map<?, ?> row = rows(result, "kernels").getFirst();
    Map<?, ?> launch = rows(row, "launches").getFirst();
    Map<?, ?> seconds = (Map<?, ?>) ((Map<?, ?>) launch.get("time")).get("seconds");
    double longest =
        seconds.values().stream().mapToDouble(v -> ((Number) v).doubleValue()).max().orElseThrow();
    assertEquals(1e6 * longest, number(row, "modelled_us"), 1e-9);
    assertEquals(
        number(row, "least_us") / number(row, "modelled_us"), number(row, "roofline_share"), 1e-9);
    assertTrue(text.out().contains("not a measurement"), text.out());
  }

  @Test
  void anEngineThatIsAskedForIsMeasuredAlone() throws Exception {
    Cli.Result result = kernels("--problem", LINE, "--engine", "kernel", "--json", "-");
    assertEquals(0, result.code(), result.err());
    List<?> engines = (List<?>) rows(result, "kernels").getFirst().get("engines");
    assertEquals(1, engines.size(), engines.toString());
    assertEquals("kernel", ((Map<?, ?>) engines.getFirst()).get("name"));
  }

  @Test
  void whatIsSlowerThanBeforeIsMarkedAndFails() throws Exception {
    Cli.Result slower = kernels("--problem", LINE, "--compare", old(LINE, 1e-3), "--json", "-");
    assertEquals(1, slower.code(), slower.err());
    assertEquals(true, rows(slower, "kernels").getFirst().get("regressed"));
    assertTrue(slower.err().contains("1 of 1 times"), slower.err());
    Cli.Result faster = kernels("--problem", LINE, "--compare", old(LINE, 1e9));
    assertEquals(0, faster.code(), faster.err());
    assertTrue(faster.out().contains("-100.0 %"), faster.out());
    Cli.Result other = kernels("--problem", LINE, "--compare", old("another", 1e-3));
    assertEquals(0, other.code(), other.err());
  }

  @Test
  void modelsOrProblemsAreWanted() {
    assertEquals(2, kernels().code());
    assertEquals(2, kernels(Cli.MODEL, "--problem", LINE).code());
    Cli.Result wrong = kernels("--problem", "conv 1x2");
    assertEquals(2, wrong.code());
    assertTrue(wrong.err().contains("conv 1x2"), wrong.err());
    assertEquals(2, kernels("--problem", LINE, "--compare", folder + "/none.json").code());
  }

  @Test
  void wholeModelsHaveTheirKeysToo() throws Exception {
    String key = Cli.MODEL + " batch 2 fp32 fused";
    Cli.Result result =
        Cli.run(
            "bench",
            "models",
            Cli.MODEL,
            "--batch",
            "1,2",
            "--seconds",
            "0.001",
            "--device",
            "host",
            "--no-tune",
            "--compare",
            old(key, 1e-3),
            "--json",
            "-");
    List<Map<?, ?>> rows = rows(result, "models");
    assertEquals(2, rows.size());
    assertEquals(null, rows.getFirst().get("regressed"), "the old result has batch 2 alone");
    Map<?, ?> second = rows.getLast();
    boolean slower = number(second, "median_us") - 1e-3 > number(second, "spread_us");
    assertEquals(slower, second.get("regressed"));
    assertEquals(slower ? 1 : 0, result.code(), result.err());
    for (Map<?, ?> row : rows) {
      assertEquals(
          1e6 * number(row, "batch") / number(row, "median_us"), number(row, "images_per_s"), 1e-6);
      assertTrue(number(row, "measured_bytes") >= number(row, "planned_bytes"));
    }
  }

  /** Of a problem and of a model's problems; what a time was measured with is in its key. */
  @Test
  void tf32IsAllowedToFp32Alone() throws Exception {
    String[] given = {"--problem", LINE, "--problem", LINE.replace("f32", "f16"), "--json", "-"};
    assertEquals(List.of(), tf32(kernels(given)));
    assertEquals(List.of(LINE + " tf32"), tf32(kernels(with(given, "--tf32"))));
    assertEquals(List.of(), tf32(kernels(Cli.MODEL, "--json", "-")));
    Cli.Result model = kernels(Cli.MODEL, "--tf32", "--json", "-");
    assertEquals(rows(model, "kernels").size(), tf32(model).size());
    String[] how = {"--tf32", "--seconds=0.001", "--device", "host", "--no-tune", "--json", "-"};
    Cli.Result models =
        Cli.run(with(how, "bench", "models", Cli.MODEL, "--batch", "1", "--dtype", "fp32,fp16"));
    List<Map<?, ?>> rows = rows(models, "models");
    assertEquals(List.of(true, false), rows.stream().map(row -> row.get("tf32")).toList());
    assertEquals(List.of(Cli.MODEL + " batch 1 fp32 with TF32 fused"), keys(rows, "TF32"));
  }

  private static List<String> tf32(Cli.Result result) throws Exception {
    return keys(rows(result, "kernels"), "tf32");
  }

  private static List<String> keys(List<Map<?, ?>> rows, String word) {
    return rows.stream().map(row -> "" + row.get("key")).filter(k -> k.contains(word)).toList();
  }

  @Test
  void severalLanesAreComparedWithOne() throws Exception {
    String[] how = {"--batch", "2", "--seconds=0.001", "--device", "host", "--no-tune"};
    Path file = folder.resolve("lanes.json");
    Cli.Result text =
        Cli.run(with(how, "bench", "models", Cli.MODEL, "--lanes", "3,2", "--json", "" + file));
    assertTrue(text.out().contains("to one"), text.out());
    Cli.Result result = new Cli.Result(text.code(), Files.readString(file), text.err());
    Map<?, ?> row = rows(result, "models").getFirst();
    List<Map<?, ?>> lanes = rows(row, "lanes");
    assertEquals(List.of(1, 2, 3), lanes.stream().map(l -> (int) number(l, "lanes")).toList());
    double one = number(lanes.getFirst(), "images_per_s");
    for (Map<?, ?> of : lanes) {
      assertEquals(number(of, "images_per_s") / one, number(of, "ratio_to_one"), 1e-6);
      assertEquals(number(of, "lanes") * number(row, "measured_bytes"), number(of, "arena_bytes"));
    }
    assertEquals(2, Cli.run("bench", "models", Cli.MODEL, "--lanes", "0").code());
  }

  @Test
  void theRooflineOfADeviceThatIsNotThereIsArithmetic() throws Exception {
    Cli.Result result =
        Cli.run(
            "bench",
            "roofline",
            "--problem",
            LINE,
            "--bandwidth",
            "1",
            "--matrix",
            "0.000001",
            "--device",
            "host",
            "--json",
            "-");
    assertEquals(0, result.code(), result.err());
    Map<?, ?> row = rows(result, "problems").getFirst();
    assertEquals(2L * 64 * 16 * 8, ((Number) row.get("flops")).longValue());
    assertEquals("matrix", row.get("bound"));
    assertEquals(2.0 * 64 * 16 * 8, number(row, "least_us"), 1e-6);
  }

  @Test
  void onnxFilesAreModelsToo() throws Exception {
    Path weights = Samples.weights(folder.resolve("w.safetensors"));
    String file = folder.resolve("m.onnx").toString();
    assertEquals(
        0, Cli.run("export", Cli.MODEL, "--weights", weights.toString(), "--onnx", file).code());
    String[] where = {"--device", "host", "--json", "-"};
    Cli.Result models =
        Cli.run(with(where, "bench", "models", file, "--batch", "1", "--seconds=0.001"));
    assertEquals(1, rows(models, "models").size(), models.err());
    Cli.Result roofline =
        Cli.run(with(where, "bench", "roofline", file, "--bandwidth", "1", "--matrix", "1"));
    assertEquals(0, roofline.code(), roofline.err());
  }

  private static String[] with(String[] more, String... start) {
    return Stream.concat(Stream.of(start), Stream.of(more)).toArray(String[]::new);
  }

  private String old(String key, double micros) throws Exception {
    String json =
        "{\"x\": [{\"key\": \"%s\", \"median_us\": %s, \"spread_us\": 0}]}".formatted(key, micros);
    return Files.writeString(folder.resolve("old.json"), json).toString();
  }

  private static Cli.Result kernels(String... more) {
    Stream<String> start =
        Stream.of("bench", "kernels", "--device", "host", "--no-tune", "--runs", "2");
    return Cli.run(Stream.concat(start, Stream.of(more)).toArray(String[]::new));
  }

  private static List<Map<?, ?>> rows(Cli.Result result, String key) throws Exception {
    return rows(result.json(), key);
  }

  private static List<Map<?, ?>> rows(Map<?, ?> map, String key) {
    return ((List<?>) map.get(key)).stream().<Map<?, ?>>map(Map.class::cast).toList();
  }

  private static double number(Map<?, ?> map, String key) {
    return ((Number) map.get(key)).doubleValue();
  }
}
