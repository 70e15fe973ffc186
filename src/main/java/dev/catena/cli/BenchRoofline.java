package dev.catena.cli;

import dev.catena.conformance.ProblemLine;
import dev.catena.device.Device;
import dev.catena.engine.Problem;
import dev.catena.measure.Cost;
import dev.catena.measure.Peaks;
import dev.catena.report.Table;
import dev.catena.report.Units;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What kernels would cost on a device that is not there. */
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
      description = "Of the device's memory: 4800 for an H200.")
  private double bandwidth;

  @Option(
      names = "--matrix",
      paramLabel = "TFLOP/s",
      required = true,
      description = "Of the device's multipliers in this type: 989 for an H200 in 16 bits.")
  private double matrix;

  @Override
  public Integer call() throws IOException {
    problems.require();
    if (!(bandwidth > 0 && matrix > 0)) {
      throw new UserException("--bandwidth and --matrix are positive");
    }
    Peaks peaks = new Peaks(bandwidth * 1e9, "given", matrix * 1e12, "given");
    List<Map<String, Object>> rows = new ArrayList<>();
    try (Device device = where.open()) {
      problems.of(device, where).forEach((p, times) -> rows.add(row(p, times, peaks)));
    }
    rows.sort((a, b) -> Double.compare((double) b.get("total_us"), (double) a.get("total_us")));
    Map<String, Object> result = new LinkedHashMap<>();
    problems.describe(result);
    result.put("bytes_per_s", peaks.bytesPerSecond());
    result.put("flops_per_s", peaks.flopsPerSecond());
    result.put("problems", rows);
    output.result(text(rows), result);
    return 0;
  }

  private static Map<String, Object> row(Problem problem, int times, Peaks peaks) {
    Cost cost = Cost.of(problem);
    double micros = 1e6 * cost.least(peaks);
    boolean memory = cost.bytes() / peaks.bytesPerSecond() >= cost.flops() / peaks.flopsPerSecond();
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("problem", ProblemLine.of(problem));
    row.put("times", times);
    row.put("bytes", cost.bytes());
    row.put("flops", cost.flops());
    row.put("bound", memory ? "memory" : "matrix");
    row.put("least_us", micros);
    row.put("total_us", times * micros);
    return row;
  }

  private static String text(List<Map<String, Object>> rows) {
    Table table = new Table("times", "bytes", "GFLOP", "FLOP/byte", "bound", "least", "problem");
    long bytes = 0;
    long flops = 0;
    double micros = 0;
    for (Map<String, Object> row : rows) {
      int times = (int) row.get("times");
      bytes += times * (long) row.get("bytes");
      flops += times * (long) row.get("flops");
      micros += (double) row.get("total_us");
      table.row(
          Table.count(times),
          Table.bytes((long) row.get("bytes")),
          number("%.3f", (long) row.get("flops") / 1e9),
          number("%.0f", (double) (long) row.get("flops") / (long) row.get("bytes")),
          row.get("bound"),
          Table.millis((double) row.get("least_us") / 1e3),
          row.get("problem"));
    }
    return table
        + String.format(
            Locale.ROOT,
            "all steps: %s, %.1f GFLOP, at least %s%n",
            Units.bytes(bytes),
            flops / 1e9,
            Units.millis(micros / 1e3));
  }

  private static Table.Quantity number(String format, double value) {
    return Table.number(String.format(Locale.ROOT, format, value));
  }
}
