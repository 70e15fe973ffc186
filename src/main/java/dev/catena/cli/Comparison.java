package dev.catena.cli;

import dev.catena.report.Table;
import dev.catena.report.Units;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The result of {@code compare}.
 *
 * @param tolerance accepted for {@link Agreement#maxRelDiff}
 * @param agree whether all variants are within it
 * @param variants the reference first
 */
record Comparison(
    String model,
    int batch,
    String dtype,
    boolean tf32,
    boolean training,
    OnDevice device,
    double tolerance,
    boolean agree,
    List<VariantResult> variants) {
  /** For people: a title, the device, the table and the verdict. */
  String text(String title, String device, int width) {
    StringBuilder text = new StringBuilder(title + "\n" + device + "\n\n");
    text.append(table().text(width, "bound", "min", "weights", "launches")).append('\n');
    for (VariantResult v : variants) {
      line(
          text,
          "%s: compiled in %s%s; steps by %s",
          v.name(),
          Units.millis(v.compileMs()),
          v.warmUp().map(w -> ", %d problems measured".formatted(w.measured())).orElse(""),
          v.engines().entrySet().stream()
              .map(engine -> engine.getKey() + " " + engine.getValue())
              .collect(Collectors.joining(", ")));
    }
    for (VariantResult v : variants) {
      v.training()
          .ifPresent(
              t ->
                  line(
                      text,
                      "%s: loss %.6f, gradient norm %.6f; %s with weights, momentum and gradients",
                      v.name(),
                      t.loss(),
                      t.gradientNorm(),
                      Units.bytes(t.measuredTotalBytes())));
    }
    verdict().forEach(line -> text.append(Units.wrapped("", line, "  ", width)));
    return text.toString();
  }

  /** Each variant against the first, in a line. */
  List<String> verdict() {
    VariantResult first = variants.getFirst();
    return variants.stream().skip(1).map(v -> verdict(v, first)).toList();
  }

  private String verdict(VariantResult v, VariantResult first) {
    return String.format(
        Locale.ROOT,
        "%s against %s: %.0f %% of the memory for activations, %.0f %% of all with %s,"
            + " %.2f times the images per second",
        v.name(),
        first.name(),
        100.0 * v.measuredBytes() / first.measuredBytes(),
        100.0 * v.wholeBytes() / first.wholeBytes(),
        training ? "weights, momentum and gradients" : "the weights",
        v.imagesPerS() / first.imagesPerS());
  }

  private Table<VariantResult> table() {
    return Table.of(variants)
        .text("variant", VariantResult::name)
        .bytes("planned", VariantResult::plannedBytes)
        .bytes("bound", VariantResult::lowerBoundBytes)
        .bytes("measured", VariantResult::measuredBytes)
        .bytes("weights", VariantResult::weightsBytes)
        .count("launches", VariantResult::launches)
        .millis("median", VariantResult::medianMs)
        .millis("min", VariantResult::minMs)
        .number("images/s", "%.1f", VariantResult::imagesPerS)
        .number("max diff", "%.1e", v -> v.agreement().maxRelDiff());
  }

  private static void line(StringBuilder text, String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
