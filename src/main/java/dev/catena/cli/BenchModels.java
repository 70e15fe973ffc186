package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Session;
import dev.catena.Variant;
import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.engine.Timing;
import dev.catena.graph.DType;
import dev.catena.report.Table;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Whole models, one variant each. */
@Command(
    name = "models",
    description = {
      "Measures whole models from images in host memory to logits in host memory: latency, images per"
          + " second, launches, planned and measured bytes. Exit code 1: slower than --compare."
    },
    mixinStandardHelpOptions = true)
final class BenchModels implements Callable<Integer> {
  private static final int LEAST_RUNS = 5;
  private static final int WARM_UPS = 2;

  @Mixin private DeviceArguments where;
  @Mixin private LaneThroughput lanes;
  @Mixin private Regressions regressions;
  @Mixin private Output output;

  @Parameters(
      arity = "1..*",
      paramLabel = "MODEL",
      description = "Names that `models` lists, or ONNX files.")
  private List<String> names;

  @Option(
      names = "--dtype",
      split = ",",
      paramLabel = "fp32|bf16|fp16",
      defaultValue = "fp32",
      description = "Types of activations and filters (default: ${DEFAULT-VALUE}).")
  private List<DType> dtypes;

  @Option(
      names = "--batch",
      split = ",",
      paramLabel = "N",
      defaultValue = "1,8",
      converter = Choices.AtLeastOne.class,
      description = "Images a run (default: ${DEFAULT-VALUE}).")
  private List<Integer> batches;

  @Option(
      names = "--variant",
      split = ",",
      paramLabel = "NAME",
      defaultValue = "fused",
      description = "unfused, in-place or fused (default: ${DEFAULT-VALUE}).")
  private List<Variant> variants;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "2",
      description = "Measure each for so long, at least 5 runs (default: ${DEFAULT-VALUE}).")
  private double seconds;

  @Override
  public Integer call() throws IOException, InterruptedException {
    regressions.open();
    List<Map<String, Object>> rows = new ArrayList<>();
    int all = names.size() * dtypes.size() * batches.size() * variants.size();
    try (Device device = where.open();
        ProgressBar progress = Progress.bar("measuring", all)) {
      for (String name : names) {
        try (Model model = ModelArguments.named(name)) {
          for (DType dtype : dtypes) {
            for (int batch : batches) {
              for (Variant variant : variants) {
                progress.setExtraMessage(name + " " + batch);
                Inference options =
                    where.apply(Inference.batch(batch).dtype(dtype).variant(variant));
                Map<String, Object> row = measure(model, device, options, variant);
                lanes.put(row, n -> model.compile(device, options.lanes(n)), seconds);
                rows.add(row);
                progress.step();
              }
            }
          }
        }
      }
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("device", Compare.device(device));
      result.put("models", rows);
      output.result(device.describe() + "\n\n" + table(rows) + lanes.text(), result);
    }
    return regressions.conclude(output);
  }

  private Map<String, Object> measure(
      Model model, Device device, Inference options, Variant variant) {
    String dtype = Choices.label(options.dtype());
    int batch = options.batches().getFirst();
    try (Session session = model.compile(device, options);
        Arena arena = Arena.ofShared()) {
      MemorySegment images =
          Subject.images(session.maxBatch() * session.image().elements(), 0, arena);
      MemorySegment logits = arena.allocate(4L * batch * session.resultSize(), 64);
      Timing time = time(() -> session.run(images, logits));
      Map<String, Object> row = new LinkedHashMap<>();
      String precision = where.precision(options.dtype());
      String key = String.join(" ", model.name(), "batch " + batch, precision, variant.label());
      regressions.put(row, key, time);
      row.put("model", model.name());
      row.put("batch", batch);
      row.put("dtype", dtype);
      row.put("tf32", where.tf32(options.dtype()));
      row.put("variant", variant.label());
      row.put("images_per_s", 1e6 * batch / time.micros());
      row.put("runs", time.runs());
      row.put("launches", session.launches());
      row.put("planned_bytes", session.plan().peakBytes());
      row.put("measured_bytes", session.arenaBytes());
      row.put("weights_bytes", session.weightBytes());
      row.put("resident_us", resident(session, device, batch).micros());
      row.put("warm_up", InferenceSubject.warmUp(session));
      return row;
    }
  }

  /** From images in the device's memory to logits there. */
  private Timing resident(Session session, Device device, int batch) {
    long bytes = batch * session.image().elements() * Float.BYTES;
    try (DeviceMemory images = device.allocate(bytes);
        DeviceMemory logits = device.allocate((long) batch * session.resultSize() * Float.BYTES);
        Arena arena = Arena.ofConfined()) {
      images.upload(arena.allocate(bytes, 64));
      return time(() -> session.run(images.address(), batch, logits.address()));
    }
  }

  private Timing time(Runnable run) {
    for (int i = 0; i < WARM_UPS; i++) {
      run.run();
    }
    List<Double> micros = new ArrayList<>();
    long end = System.nanoTime() + (long) (seconds * 1e9);
    while (micros.size() < LEAST_RUNS || System.nanoTime() < end) {
      long start = System.nanoTime();
      run.run();
      micros.add((System.nanoTime() - start) / 1e3);
    }
    return Timing.of(micros.stream().mapToDouble(Double::doubleValue).toArray());
  }

  private static Table table(List<Map<String, Object>> rows) {
    Table table =
        new Table(
            "model",
            "batch",
            "type",
            "variant",
            "median",
            "spread",
            "resident",
            "images/s",
            "launches",
            "planned",
            "measured",
            "weights",
            "before");
    for (Map<String, Object> row : rows) {
      table.row(
          row.get("model"),
          Table.count((int) row.get("batch")),
          row.get("dtype"),
          row.get("variant"),
          Table.millis((double) row.get("median_us") / 1e3),
          Table.millis((double) row.get("spread_us") / 1e3),
          Table.millis((double) row.get("resident_us") / 1e3),
          Table.number(String.format(Locale.ROOT, "%.1f", (double) row.get("images_per_s"))),
          Table.count((int) row.get("launches")),
          Table.bytes((long) row.get("planned_bytes")),
          Table.bytes((long) row.get("measured_bytes")),
          Table.bytes((long) row.get("weights_bytes")),
          Regressions.cell(row));
    }
    return table;
  }
}
