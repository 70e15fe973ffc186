package dev.catena.cli;

import dev.catena.Evaluation;
import dev.catena.Fit;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.report.Figures;
import dev.catena.report.Table;
import dev.catena.report.Units;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The report of a training run. */
final class TrainingReport {
  private final Trainer trainer;
  private final int epochSteps;
  private final long memoryBefore;
  private final long firstStep;
  private final List<Float> losses = new ArrayList<>();
  private final List<Double> seconds = new ArrayList<>();
  private final List<Fit.Epoch> epochs = new ArrayList<>();
  private Fit.Step last;

  TrainingReport(Trainer trainer, int epochSteps, long memoryBefore) {
    this.trainer = trainer;
    this.epochSteps = epochSteps;
    this.memoryBefore = memoryBefore;
    this.firstStep = trainer.steps();
  }

  void add(Fit.Step step) {
    last = step;
    losses.add(step.result().loss());
    seconds.add(step.seconds());
  }

  void add(Fit.Epoch epoch) {
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
  String sentence(Fit.Epoch epoch) {
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
  String text(int width) {
    String table =
        Table.of(epochs)
            .text("epoch", e -> e.number() + 1)
            .number("steps", "%d", Fit.Epoch::steps)
            .number("loss", "%.4f", e -> e.train().loss())
            .number("accuracy", "%.2f %%", e -> 100 * e.train().accuracy())
            .number("test loss", "%.4f", e -> e.test().map(Evaluation::loss).orElse(null))
            .number(
                "test accuracy", "%.2f %%", e -> e.test().map(t -> 100 * t.accuracy()).orElse(null))
            .text(width);
    return table
        + text(
            "%d steps, median %s, %.1f images/s, %s%n",
            losses.size(),
            Units.millis(medianMillis()),
            imagesPerSecond(),
            Units.bytes(measuredBytes()));
  }

  /**
   * For programs.
   *
   * @param plannedBytes of the arena and of what stays between steps, as {@code measuredBytes}
   * @param residentGrowthBytes of this process on the host; null on a GPU
   */
  record Result(
      String model,
      String data,
      int batch,
      String dtype,
      boolean tf32,
      String policy,
      OnDevice device,
      long firstStep,
      int steps,
      int epochSteps,
      List<Float> losses,
      List<EpochResult> epochs,
      long plannedBytes,
      long measuredBytes,
      Long residentGrowthBytes,
      int launches,
      double medianMs,
      double minMs,
      double imagesPerS) {}

  /** An epoch; the test's figures are null without images to test with. */
  record EpochResult(
      long epoch,
      long steps,
      double loss,
      double accuracy,
      Double testLoss,
      Double testAccuracy,
      double seconds) {
    static EpochResult of(Fit.Epoch epoch) {
      return new EpochResult(
          epoch.number(),
          epoch.steps(),
          epoch.train().loss(),
          epoch.train().accuracy(),
          epoch.test().map(Evaluation::loss).orElse(null),
          epoch.test().map(Evaluation::accuracy).orElse(null),
          epoch.seconds());
    }
  }

  Result result(String model, String data, Device device) {
    Training options = trainer.options();
    boolean host = device.kind() == Device.Kind.HOST && memoryBefore > 0;
    return new Result(
        model,
        data,
        options.batch(),
        Choices.label(options.dtype()),
        options.tf32() && options.dtype() == DType.FP32,
        options.policy().label(),
        OnDevice.of(device),
        firstStep,
        losses.size(),
        epochSteps,
        losses,
        epochs.stream().map(EpochResult::of).toList(),
        trainer.plan().peakBytes() + trainer.state().bytes(),
        measuredBytes(),
        host ? ResidentMemory.peak() - memoryBefore : null,
        trainer.launches(),
        medianMillis(),
        1e3 * seconds.stream().mapToDouble(s -> s).min().orElse(0),
        imagesPerSecond());
  }

  /** The run as SVG. */
  String chart(String title) {
    return Figures.training(
        title,
        firstStep,
        losses,
        epochs.stream().mapToDouble(Fit.Epoch::steps).toArray(),
        epochs.stream().mapToDouble(e -> e.train().accuracy()).toArray(),
        epochs.stream()
            .flatMap(e -> e.test().stream())
            .mapToDouble(Evaluation::accuracy)
            .toArray());
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

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
