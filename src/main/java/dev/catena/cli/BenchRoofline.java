package dev.catena.cli;

import dev.catena.conformance.ProblemLine;
import dev.catena.device.Device;
import dev.catena.engine.Problem;
import dev.catena.measure.Cost;
import dev.catena.measure.Peaks;
import dev.catena.report.Json;
import dev.catena.report.Table;
import dev.catena.report.Units;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The least cost of kernels on a device that is not there. */
@Command(
    name = "roofline",
    description = {
      "Arithmetic, no measurement: the least bytes and FLOPs of each problem of a compiled model, or"
          + " each --problem, and the least time on a device with given rates."
    },
    mixinStandardHelpOptions = true)
final class BenchRoofline implements Callable<Integer> {
  @Mixin private Problems problems;
  @Mixin private DeviceArguments where;
  @Mixin private Output output;

  @Option(
      names = "--bandwidth",
      paramLabel = "GB/s",
      required = true,
      converter = Choices.Positive.class,
      description = "Of the device's memory: 4800 for an H200.")
  private double bandwidth;

  @Option(
      names = "--matrix",
      paramLabel = "TFLOP/s",
      required = true,
      converter = Choices.Positive.class,
      description = "Of the device's multipliers in this type: 989 for an H200 in 16 bits.")
  private double matrix;

  private record Result(
      @Json.Inline Problems.Asked asked, double bytesPerS, double flopsPerS, List<Row> problems) {}

  /** A problem, and how often a run solves it; {@code bound} is memory or matrix. */
  private record Row(
      String problem,
      int times,
      long bytes,
      long flops,
      String bound,
      double leastUs,
      double totalUs) {}

  @Override
  public Integer call() throws IOException {
    problems.require();
    if (!(bandwidth > 0 && matrix > 0)) {
      throw new UserException("--bandwidth and --matrix are positive");
    }
    Peaks peaks = new Peaks(bandwidth * 1e9, "given", matrix * 1e12, "given");
    List<Row> rows = new ArrayList<>();
    try (Device device = where.open()) {
      problems.of(device, where).forEach((p, times) -> rows.add(row(p, times, peaks)));
    }
    rows.sort(Comparator.comparingDouble(Row::totalUs).reversed());
    output.result(
        text(rows), new Result(problems.asked(), peaks.bytesPerS(), peaks.flopsPerS(), rows));
    return 0;
  }

  private static Row row(Problem problem, int times, Peaks peaks) {
    Cost cost = Cost.of(problem);
    double micros = 1e6 * cost.least(peaks);
    boolean memory = cost.bytes() / peaks.bytesPerS() >= cost.flops() / peaks.flopsPerS();
    return new Row(
        ProblemLine.of(problem),
        times,
        cost.bytes(),
        cost.flops(),
        memory ? "memory" : "matrix",
        micros,
        times * micros);
  }

  private String text(List<Row> rows) {
    String table =
        Table.of(rows)
            .count("times", Row::times)
            .bytes("bytes", Row::bytes)
            .number("GFLOP", "%.3f", row -> row.flops / 1e9)
            .number("FLOP/byte", "%.0f", row -> (double) row.flops / row.bytes)
            .text("bound", Row::bound)
            .millis("least", row -> row.leastUs / 1e3)
            .text("problem", Row::problem)
            .text(output.width());
    return table
        + String.format(
            Locale.ROOT,
            "all steps: %s, %.1f GFLOP, at least %s%n",
            Units.bytes(rows.stream().mapToLong(row -> row.times * row.bytes).sum()),
            rows.stream().mapToLong(row -> row.times * row.flops).sum() / 1e9,
            Units.millis(rows.stream().mapToDouble(Row::totalUs).sum() / 1e3));
  }
}
