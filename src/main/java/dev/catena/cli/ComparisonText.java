package dev.catena.cli;

import dev.catena.Model;
import dev.catena.device.Device;
import dev.catena.report.Table;
import dev.catena.report.Units;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A comparison as text. */
final class ComparisonText {
  private ComparisonText() {}

  /** From the rows of its JSON. */
  static String of(
      Model model, Device device, String precision, int batch, List<Map<String, Object>> rows) {
    StringBuilder text = new StringBuilder();
    line(text, "%s, batch %d, %s", model.name(), batch, precision);
    line(text, "%s%n", device.describe());
    text.append(table(rows)).append('\n');
    for (Map<String, Object> row : rows) {
      line(
          text,
          "%s: compiled in %s; steps by %s",
          row.get("name"),
          Units.millis((double) row.get("compile_ms")),
          row.get("engines").toString().replaceAll("[{}]", "").replace('=', ' '));
    }
    if (rows.getFirst().containsKey("loss")) {
      for (Map<String, Object> row : rows) {
        line(
            text,
            "%s: loss %.6f, gradient norm %.6f; %s with weights, momentum and gradients",
            row.get("name"),
            row.get("loss"),
            row.get("gradient_norm"),
            Units.bytes((long) row.get("measured_total_bytes")));
      }
    }
    verdict(rows).forEach(line -> text.append(line).append('\n'));
    return text.toString();
  }

  /** Each against the first, in a line. */
  static List<String> verdict(List<Map<String, Object>> rows) {
    Map<String, Object> first = rows.getFirst();
    return rows.stream().skip(1).map(row -> verdict(row, first)).toList();
  }

  private static String verdict(Map<String, Object> row, Map<String, Object> first) {
    return String.format(
        Locale.ROOT,
        "%s against %s: %.0f %% of the memory, %.2f times the images per second",
        row.get("name"),
        first.get("name"),
        100.0 * (long) row.get("measured_bytes") / (long) first.get("measured_bytes"),
        (double) row.get("images_per_s") / (double) first.get("images_per_s"));
  }

  private static Table table(List<Map<String, Object>> rows) {
    Table table =
        new Table(
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
      table.row(
          row.get("name"),
          Table.bytes((long) row.get("planned_bytes")),
          Table.bytes((long) row.get("lower_bound_bytes")),
          Table.bytes((long) row.get("measured_bytes")),
          Table.bytes((long) row.get("weights_bytes")),
          Table.count((int) row.get("launches")),
          Table.millis((double) row.get("median_ms")),
          Table.millis((double) row.get("min_ms")),
          number("%.1f", row.get("images_per_s")),
          number("%.1e", row.get("max_rel_diff")));
    }
    return table;
  }

  private static Table.Quantity number(String format, Object value) {
    return Table.number(String.format(Locale.ROOT, format, value));
  }

  private static void line(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
