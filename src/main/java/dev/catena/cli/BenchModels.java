package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Session;
import dev.catena.Variant;
import dev.catena.WarmUp;
import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.engine.Timing;
import dev.catena.graph.DType;
import dev.catena.report.Json;
import dev.catena.report.Table;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
      converter = Choices.Positive.class,
      description = "Measure each for so long, at least 5 runs (default: ${DEFAULT-VALUE}).")
  private double seconds;

  private record Result(OnDevice device, List<ModelResult> models) {}

  /** One model, and the throughput of its lanes if it was asked for. */
  record ModelResult(@Json.Inline ModelTime model, Optional<List<LaneThroughput.Lanes>> lanes) {}

  /** A model's times and memory; {@code residentUs} is a run on the device's own memory. */
  record ModelTime(
      @Json.Inline Regressions.Timed time,
      String model,
      int batch,
      String dtype,
      boolean tf32,
      String variant,
      double imagesPerS,
      int runs,
      int launches,
      long plannedBytes,
      long measuredBytes,
      long weightsBytes,
      double residentUs,
      WarmUp warmUp) {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    regressions.open();
    List<ModelResult> rows = new ArrayList<>();
    int all = names.size() * dtypes.size() * batches.size() * variants.size();
    try (Device device = where.open()) {
      try (ProgressBar progress = Progress.bar("measuring", all)) {
        for (String name : names) {
          try (Model model = ModelArguments.named(name)) {
            for (DType dtype : dtypes) {
              for (int batch : batches) {
                for (Variant variant : variants) {
                  progress.setExtraMessage(name + " " + batch);
                  Inference options =
                      where.apply(Inference.batch(batch).dtype(dtype).variant(variant));
                  rows.add(
                      new ModelResult(
                          measure(model, device, options, variant),
                          lanes.measure(n -> model.compile(device, options.lanes(n)), seconds)));
                  progress.step();
                }
              }
            }
          }
        }
      }
      String text = device.describe() + "\n\n" + table(rows) + lanes.text(rows, output.width());
      output.result(text, new Result(OnDevice.of(device), rows));
    }
    return regressions.conclude(output);
  }

  private ModelTime measure(Model model, Device device, Inference options, Variant variant) {
    int batch = options.batches().getFirst();
    try (Session session = model.compile(device, options);
        Arena arena = Arena.ofShared()) {
      ComparedInference inference = ComparedInference.onRandomImages(session, arena);
      Timing time = time(inference::run);
      String precision = where.precision(options.dtype());
      String key = String.join(" ", model.name(), "batch " + batch, precision, variant.label());
      return new ModelTime(
          regressions.time(key, time),
          model.name(),
          batch,
          Choices.label(options.dtype()),
          where.tf32(options.dtype()),
          variant.label(),
          1e6 * batch / time.micros(),
          time.runs(),
          session.launches(),
          session.plan().peakBytes(),
          session.arenaBytes(),
          session.weightBytes(),
          resident(session, device, batch).micros(),
          session.warmUp());
    }
  }

  /** From images in the device's memory to logits there. */
  private Timing resident(Session session, Device device, int batch) {
    long bytes = (long) batch * session.imageSize() * Float.BYTES;
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

  private String table(List<ModelResult> rows) {
    return Table.of(rows.stream().map(ModelResult::model).toList())
        .text("model", ModelTime::model)
        .count("batch", ModelTime::batch)
        .text("type", ModelTime::dtype)
        .text("variant", ModelTime::variant)
        .millis("median", row -> row.time().medianUs() / 1e3)
        .millis("spread", row -> row.time().spreadUs() / 1e3)
        .millis("resident", row -> row.residentUs() / 1e3)
        .number("images/s", "%.1f", ModelTime::imagesPerS)
        .millis("ready", row -> row.warmUp().totalMs())
        .count("launches", ModelTime::launches)
        .bytes("planned", ModelTime::plannedBytes)
        .bytes("measured", ModelTime::measuredBytes)
        .bytes("weights", ModelTime::weightsBytes)
        .number("before", "%s", row -> row.time().changed())
        .text(
            output.width(),
            "planned",
            "ready",
            "weights",
            "resident",
            "launches",
            "variant",
            "type",
            "measured");
  }
}
