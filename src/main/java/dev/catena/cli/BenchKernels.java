package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.conformance.ProblemLine;
import dev.catena.device.Device;
import dev.catena.engine.Engines;
import dev.catena.engine.Problem;
import dev.catena.engine.Timing;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.graph.DType;
import dev.catena.measure.GpuSpec;
import dev.catena.measure.KernelBench;
import dev.catena.measure.KernelModel;
import dev.catena.measure.Peaks;
import dev.catena.report.Table;
import dev.catena.report.Units;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Every kernel of a model, or given problems, beside what the device could do. */
@Command(
    name = "kernels",
    description = {
      "Measures each problem of a compiled model, or each --problem: bytes and FLOPs that it costs at"
          + " least, the time of everyone who competes for it, and the share of the copy bandwidth and"
          + " of the matrix peak measured on the same device before. Exit code 1: slower than"
          + " --compare."
    },
    mixinStandardHelpOptions = true)
final class BenchKernels implements Callable<Integer> {
  @Mixin private Problems problems;
  @Mixin private DeviceArguments where;
  @Mixin private Regressions regressions;
  @Mixin private Output output;

  @Option(
      names = "--runs",
      paramLabel = "N",
      defaultValue = "15",
      converter = Choices.AtLeastOne.class,
      description = "Of which the median counts (default: ${DEFAULT-VALUE}).")
  private int runs;

  @Option(
      names = "--as",
      paramLabel = "GPU",
      description =
          "Measure nothing: count on --device ptx:90 what each kernel moves and where it waits, and"
              + " model its time on this GPU: h200, a100 or rtx4090.")
  private String as;

  @Option(
      names = "--blocks",
      paramLabel = "N",
      defaultValue = "60",
      description =
          "With --as: blocks of a launch to run, about; the counts are scaled to its grid. 0: all"
              + " (default: ${DEFAULT-VALUE}).")
  private int blocks;

  @Option(names = "--engines", description = "With --as: model everyone who competes.")
  private boolean everyone;

  @Override
  public Integer call() throws IOException {
    problems.require();
    if (as != null) {
      return model();
    }
    regressions.open();
    try (Device device = where.open()) {
      Map<Problem, Integer> all = problems.of(device, where);
      Inference options = where.apply(Inference.batch(1));
      Engines engines = EngineRegistry.on(device, options.engine(), options.tuning());
      DType dtype = problems.dtype();
      Peaks peaks = Peaks.measure(device, unforced(device), dtype, where.tf32(dtype));
      List<Map<String, Object>> rows = new ArrayList<>();
      try (ProgressBar progress = Progress.bar("measuring", all.size())) {
        KernelBench bench = new KernelBench(device, engines, runs);
        all.forEach(
            (problem, times) -> {
              rows.add(row(bench.measure(problem), times, peaks));
              progress.step();
            });
      }
      engines.remember();
      rows.sort((a, b) -> Double.compare((double) b.get("total_us"), (double) a.get("total_us")));
      output.result(text(device, peaks, rows), result(device, peaks, rows));
      return regressions.conclude(output);
    }
  }

  private int model() throws IOException {
    GpuSpec gpu;
    try {
      gpu = GpuSpec.named(as);
    } catch (IllegalArgumentException e) {
      throw new UserException("--as " + as + ": " + e.getMessage());
    }
    where.preferUntuned();
    try (Device device = where.open()) {
      if (!device.isInterpreted()) {
        throw new UserException(
            "--as %s counts on a device that interprets PTX, for example --device ptx:90, not on %s"
                .formatted(as, device.id()));
      }
      Map<Problem, Integer> all = problems.of(device, where);
      Engines engines =
          EngineRegistry.on(device, where.apply(Inference.batch(1)).engine(), Optional.empty());
      try (ProgressBar progress = Progress.bar("counting", all.size())) {
        KernelModel model = new KernelModel(device, engines, gpu, blocks);
        ModelledKernels result = ModelledKernels.of(all, model, everyone, progress::step);
        output.result(result.text(), result);
      }
    }
    return 0;
  }

  /** Whatever the user forces, the peaks are the device's. */
  private static Engines unforced(Device device) {
    return EngineRegistry.on(device, Optional.empty(), Optional.empty());
  }

  private Map<String, Object> row(KernelBench.Times measured, int times, Peaks peaks) {
    Timing chosen = measured.times().get(measured.chosen());
    if (chosen == null) {
      throw new IllegalStateException(
          "%s failed on %s: %s"
              .formatted(
                  measured.chosen(),
                  ProblemLine.of(measured.problem()),
                  measured.failures().get(measured.chosen())));
    }
    double seconds = chosen.micros() / 1e6;
    Map<String, Object> row = new LinkedHashMap<>();
    regressions.put(row, ProblemLine.of(measured.problem()), chosen);
    row.put("times", times);
    row.put("total_us", times * chosen.micros());
    row.put("bytes", measured.cost().bytes());
    row.put("flops", measured.cost().flops());
    row.put("copy_share", measured.cost().bytes() / seconds / peaks.bytesPerSecond());
    row.put("matrix_share", measured.cost().flops() / seconds / peaks.flopsPerSecond());
    row.put("roofline_share", measured.cost().least(peaks) / seconds);
    row.put("engine", measured.chosen());
    List<Map<String, Object>> engines = new ArrayList<>();
    measured
        .times()
        .forEach(
            (engine, time) ->
                engines.add(
                    Map.of(
                        "name", engine, "median_us", time.micros(), "spread_us", time.spread())));
    measured.failures().forEach((engine, why) -> engines.add(Map.of("name", engine, "error", why)));
    row.put("engines", engines);
    return row;
  }

  private Map<String, Object> result(Device device, Peaks peaks, List<Map<String, Object>> rows) {
    Map<String, Object> result = new LinkedHashMap<>();
    problems.describe(result);
    result.put("device", Compare.device(device));
    Map<String, Object> reached = new LinkedHashMap<>();
    reached.put("bytes_per_s", peaks.bytesPerSecond());
    reached.put("copied_by", peaks.copiedBy());
    reached.put("flops_per_s", peaks.flopsPerSecond());
    reached.put("multiplied_by", peaks.multipliedBy());
    result.put("peaks", reached);
    result.put("total_us", total(rows));
    result.put("kernels", rows);
    return result;
  }

  private static double total(List<Map<String, Object>> rows) {
    return rows.stream().mapToDouble(row -> (double) row.get("total_us")).sum();
  }

  private String text(Device device, Peaks peaks, List<Map<String, Object>> rows) {
    StringBuilder text = new StringBuilder(device.describe());
    text.append(
        String.format(
            Locale.ROOT,
            "%nmeasured at best: %.1f GB/s copied (%s), %.2f TFLOP/s multiplied in %s (%s)%n%n",
            peaks.bytesPerSecond() / 1e9,
            peaks.copiedBy(),
            peaks.flopsPerSecond() / 1e12,
            where.precision(problems.dtype()),
            peaks.multipliedBy()));
    Table table =
        new Table(
            "times",
            "median",
            "spread",
            "bytes",
            "GFLOP",
            "of copy",
            "of matrix",
            "of roofline",
            "engine",
            "others",
            "before",
            "problem");
    for (Map<String, Object> row : rows) {
      table.row(
          Table.count((int) row.get("times")),
          Table.millis((double) row.get("median_us") / 1e3),
          Table.millis((double) row.get("spread_us") / 1e3),
          Table.bytes((long) row.get("bytes")),
          Table.number(String.format(Locale.ROOT, "%.3f", (long) row.get("flops") / 1e9)),
          share(row.get("copy_share")),
          share(row.get("matrix_share")),
          share(row.get("roofline_share")),
          row.get("engine"),
          others(row),
          Regressions.cell(row),
          row.get("key"));
    }
    return text.append(table)
        .append("all steps of a run: ")
        .append(Units.millis(total(rows) / 1e3))
        .append('\n')
        .toString();
  }

  private static Table.Quantity share(Object share) {
    return Table.number(String.format(Locale.ROOT, "%.0f %%", 100 * (double) share));
  }

  /** The rest of the engines, as far as they fit: the two fastest. */
  private static String others(Map<String, Object> row) {
    String others =
        ((List<?>) row.get("engines"))
            .stream()
                .map(engine -> (Map<?, ?>) engine)
                .filter(engine -> !engine.get("name").equals(row.get("engine")))
                .filter(engine -> engine.containsKey("median_us"))
                .sorted(
                    (a, b) ->
                        Double.compare((double) a.get("median_us"), (double) b.get("median_us")))
                .limit(2)
                .map(e -> e.get("name") + " " + Units.millis((double) e.get("median_us") / 1e3))
                .collect(Collectors.joining(", "));
    return others.isEmpty() ? "–" : others;
  }
}
