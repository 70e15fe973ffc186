package dev.catena.cli;

import dev.catena.device.Device;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A comparison as text. */
final class CompareTable {
  private CompareTable() {}

  static void print(Device device, List<Map<String, Object>> rows) {
    System.out.println(device.describe());
    System.out.printf(
        "%-10s %12s %12s %12s %12s %9s %11s %11s %10s %9s%n",
        "variant",
        "planned",
        "bound",
        "measured",
        "weights",
        "launches",
        "median",
        "min",
        "images/s",
        "max diff");
    for (Map<String, Object> row : rows) {
      System.out.printf(
          Locale.ROOT,
          "%-10s %8.2f MiB %8.2f MiB %8.2f MiB %8.2f MiB %9d %8.2f ms %8.2f ms %10.1f %9.1e%n",
          row.get("name"),
          mib(row, "planned_bytes"),
          mib(row, "lower_bound_bytes"),
          mib(row, "measured_bytes"),
          mib(row, "weights_bytes"),
          (int) row.get("launches"),
          (double) row.get("median_ms"),
          (double) row.get("min_ms"),
          (double) row.get("images_per_s"),
          (double) row.get("max_rel_diff"));
    }
  }

  private static double mib(Map<String, Object> row, String key) {
    return (long) row.get(key) / (double) (1 << 20);
  }
}
