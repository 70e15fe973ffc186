package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.conformance.ProblemLine;
import dev.catena.device.Device;
import dev.catena.engine.Engines;
import dev.catena.engine.Problem;
import dev.catena.engine.Timing;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.graph.DType;
import dev.catena.graph.Precision;
import dev.catena.measure.GpuSpec;
import dev.catena.measure.KernelBench;
import dev.catena.measure.KernelModel;
import dev.catena.measure.Peaks;
import dev.catena.report.Json;
import dev.catena.report.Table;
import dev.catena.report.Units;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
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
  private static final int PEAKS_AGAIN = 3;

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
      converter = Choices.Count.class,
      description =
          "With --as: blocks of a launch to run, about; the counts are scaled to its grid. 0: all"
              + " (default: ${DEFAULT-VALUE}).")
  private int blocks;

  @Option(names = "--engines", description = "With --as: model everyone who competes.")
  private boolean everyone;

  private record Result(
      @Json.Inline Problems.Asked asked,
      OnDevice device,
      Peaks peaks,
      double totalUs,
      List<Kernel> kernels) {}

  /** A problem, and how often a run solves it; shares are of what the device reaches at best. */
  private record Kernel(
      @Json.Inline Regressions.Timed time,
      int times,
      double totalUs,
      long bytes,
      long flops,
      double copyShare,
      double matrixShare,
      double rooflineShare,
      String engine,
      List<EngineTime> engines) {
    /** The rest of the engines, as far as they fit: the two fastest. */
    String others() {
      String others =
          engines.stream()
              .filter(e -> !e.name.equals(engine) && e.medianUs.isPresent())
              .sorted(Comparator.comparingDouble(e -> e.medianUs.orElseThrow()))
              .limit(2)
              .map(e -> e.name + " " + Units.millis(e.medianUs.orElseThrow() / 1e3))
              .collect(Collectors.joining(", "));
      return others.isEmpty() ? "–" : others;
    }
  }

  /** An engine's time, or why it has none. */
  private record EngineTime(
      String name, Optional<Double> medianUs, Optional<Double> spreadUs, Optional<String> error) {}

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
      List<KernelBench.Times> measured = new ArrayList<>();
      Peaks peaks = peaks(device);
      int again = 0;
      try (ProgressBar progress = Progress.bar("measuring", all.size())) {
        KernelBench bench = new KernelBench(device, engines, runs);
        for (Problem problem : all.keySet()) {
          measured.add(bench.measure(problem));
          if (measured.getLast().share(peaks) > 1 && again++ < PEAKS_AGAIN) {
            peaks = peaks.best(peaks(device)); // something else ran when they were measured
          }
          progress.step();
        }
      }
      engines.remember();
      List<Kernel> kernels = new ArrayList<>();
      for (KernelBench.Times times : measured) {
        kernels.add(kernel(times, all.get(times.problem()), peaks));
      }
      kernels.sort(Comparator.comparingDouble(Kernel::totalUs).reversed());
      double total = kernels.stream().mapToDouble(Kernel::totalUs).sum();
      Result result = new Result(problems.asked(), OnDevice.of(device), peaks, total, kernels);
      output.result(device.describe() + "\n" + text(result), result);
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
        output.result(result.text(output.width()), result);
      }
    }
    return 0;
  }

  /** The device's, whatever engine the user forces. */
  private Peaks peaks(Device device) {
    DType dtype = problems.dtype();
    Engines unforced = EngineRegistry.on(device, Optional.empty(), Optional.empty());
    return Peaks.measure(device, unforced, Precision.of(dtype, where.tf32(dtype)));
  }

  private Kernel kernel(KernelBench.Times measured, int times, Peaks peaks) {
    Timing chosen = measured.chosenTime();
    double seconds = chosen.micros() / 1e6;
    List<EngineTime> engines = new ArrayList<>();
    measured
        .times()
        .forEach(
            (engine, time) ->
                engines.add(
                    new EngineTime(
                        engine,
                        Optional.of(time.micros()),
                        Optional.of(time.spread()),
                        Optional.empty())));
    measured
        .failures()
        .forEach(
            (engine, why) ->
                engines.add(
                    new EngineTime(engine, Optional.empty(), Optional.empty(), Optional.of(why))));
    return new Kernel(
        regressions.time(ProblemLine.of(measured.problem()), chosen),
        times,
        times * chosen.micros(),
        measured.cost().bytes(),
        measured.cost().flops(),
        measured.cost().bytes() / seconds / peaks.bytesPerS(),
        measured.cost().flops() / seconds / peaks.flopsPerS(),
        Math.min(1, measured.share(peaks)),
        measured.chosen(),
        engines);
  }

  private String text(Result result) {
    Peaks peaks = result.peaks;
    String table =
        Table.of(result.kernels)
            .count("times", Kernel::times)
            .millis("median", k -> k.time.medianUs() / 1e3)
            .millis("spread", k -> k.time.spreadUs() / 1e3)
            .bytes("bytes", Kernel::bytes)
            .number("GFLOP", "%.3f", k -> k.flops / 1e9)
            .percent("of copy", Kernel::copyShare)
            .percent("of matrix", Kernel::matrixShare)
            .percent("of roofline", Kernel::rooflineShare)
            .text("engine", Kernel::engine)
            .text("others", Kernel::others)
            .number("before", "%s", k -> k.time.changed())
            .text("problem", k -> k.time.key())
            .text(output.width(), "others", "of copy", "of matrix", "spread");
    return String.format(
        Locale.ROOT,
        "measured at best: %.1f GB/s copied (%s), %.2f TFLOP/s multiplied in %s (%s)%n%n"
            + "%sall steps of a run: %s%n",
        peaks.bytesPerS() / 1e9,
        peaks.copiedBy(),
        peaks.flopsPerS() / 1e12,
        where.precision(problems.dtype()),
        peaks.multipliedBy(),
        table,
        Units.millis(result.totalUs / 1e3));
  }
}
