package dev.catena.cli;

import dev.catena.Evaluation;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.TrainingRun;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.report.Table;
import dev.catena.report.TrainingChart;
import dev.catena.report.Units;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What a run has to show. */
final class TrainingReport {
  private final Trainer trainer;
  private final int epochSteps;
  private final long memoryBefore;
  private final long firstStep;
  private final List<Float> losses = new ArrayList<>();
  private final List<Double> seconds = new ArrayList<>();
  private final List<TrainingRun.Epoch> epochs = new ArrayList<>();
  private TrainingRun.Step last;

  TrainingReport(Trainer trainer, int epochSteps, long memoryBefore) {
    this.trainer = trainer;
    this.epochSteps = epochSteps;
    this.memoryBefore = memoryBefore;
    this.firstStep = trainer.steps();
  }

  void add(TrainingRun.Step step) {
    last = step;
    losses.add(step.result().loss());
    seconds.add(step.seconds());
  }

  void add(TrainingRun.Epoch epoch) {
    epochs.add(epoch);
  }

  /** Beside the progress bar. */
  String latest() {
    return text(
        "loss %.3f, %.0f %% right, %.1f images/s, %s",
        last.result().loss(),
        100 * last.accuracy(),
        trainer.options().batch() / last.seconds(),
        Units.bytes(measuredBytes()));
  }

  /** An epoch in a line. */
  String sentence(TrainingRun.Epoch epoch) {
    String test =
        epoch
            .test()
            .map(t -> text(", test loss %.4f, test accuracy %.2f %%", t.loss(), 100 * t.accuracy()))
            .orElse("");
    Evaluation train = epoch.train();
    return text(
        "epoch %d, step %d: loss %.4f, accuracy %.2f %%%s, %.1f images/s",
        epoch.number() + 1,
        epoch.steps(),
        train.loss(),
        100 * train.accuracy(),
        test,
        train.images() / epoch.seconds());
  }

  /** For people. */
  String text() {
    Table table = new Table("epoch", "steps", "loss", "accuracy", "test loss", "test accuracy");
    for (TrainingRun.Epoch epoch : epochs) {
      table.row(
          String.valueOf(epoch.number() + 1),
          Table.number(String.valueOf(epoch.steps())),
          Table.number(text("%.4f", epoch.train().loss())),
          percent(epoch.train().accuracy()),
          Table.number(epoch.test().map(t -> text("%.4f", t.loss())).orElse("")),
          epoch.test().map(t -> percent(t.accuracy())).orElse(Table.number("")));
    }
    return table
        + text(
            "%d steps, median %s, %.1f images/s, %s%n",
            losses.size(),
            Units.millis(medianMillis()),
            imagesPerSecond(),
            Units.bytes(measuredBytes()));
  }

  /** For programs. */
  Map<String, Object> json(String model, String data, Device device) {
    Training options = trainer.options();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model);
    result.put("data", data);
    result.put("batch", options.batch());
    result.put("dtype", Choices.label(options.dtype()));
    result.put("tf32", options.tf32() && options.dtype() == DType.FP32);
    result.put("policy", options.policy().label());
    Map<String, Object> on = new LinkedHashMap<>();
    on.put("name", device.name());
    on.put("kind", Info.label(device.kind()));
    on.put("threads", device.threads());
    result.put("device", on);
    result.put("first_step", firstStep);
    result.put("steps", losses.size());
    result.put("epoch_steps", epochSteps);
    result.put("losses", losses);
    result.put("epochs", epochs.stream().map(TrainingReport::json).toList());
    result.put("planned_bytes", trainer.plan().peakBytes() + trainer.state().bytes());
    result.put("measured_bytes", measuredBytes());
    // On a GPU what the device has is elsewhere.
    boolean host = device.kind() == Device.Kind.HOST && memoryBefore > 0;
    result.put("resident_growth_bytes", host ? ResidentMemory.peak() - memoryBefore : null);
    result.put("launches", trainer.launches());
    result.put("median_ms", medianMillis());
    result.put("min_ms", 1e3 * seconds.stream().mapToDouble(s -> s).min().orElse(0));
    result.put("images_per_s", imagesPerSecond());
    return result;
  }

  private static Map<String, Object> json(TrainingRun.Epoch epoch) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("epoch", epoch.number());
    row.put("steps", epoch.steps());
    row.put("loss", epoch.train().loss());
    row.put("accuracy", epoch.train().accuracy());
    row.put("test_loss", epoch.test().map(Evaluation::loss).orElse(null));
    row.put("test_accuracy", epoch.test().map(Evaluation::accuracy).orElse(null));
    row.put("seconds", epoch.seconds());
    return row;
  }

  /** The run as SVG. */
  String chart(String title) {
    List<TrainingChart.Epoch> points =
        epochs.stream()
            .map(
                e ->
                    new TrainingChart.Epoch(
                        e.steps(),
                        e.train().accuracy(),
                        e.test().map(Evaluation::accuracy).orElse(Double.NaN)))
            .toList();
    return TrainingChart.svg(title, firstStep, losses, points);
  }

  private long measuredBytes() {
    return trainer.arenaBytes() + trainer.stateBytes();
  }

  private double medianMillis() {
    double[] sorted = seconds.stream().mapToDouble(s -> s).sorted().toArray();
    return sorted.length == 0 ? 0 : 1e3 * sorted[sorted.length / 2];
  }

  private double imagesPerSecond() {
    return seconds.isEmpty() ? 0 : 1e3 * trainer.options().batch() / medianMillis();
  }

  private static Table.Quantity percent(double share) {
    return Table.number(text("%.2f %%", 100 * share));
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
