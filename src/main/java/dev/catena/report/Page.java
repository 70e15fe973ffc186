package dev.catena.report;

import static dev.catena.report.Chart.escape;

import dev.catena.StepTime;
import dev.catena.plan.Buffer;
import dev.catena.report.Chart.Screen;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The report on memory and time: one page of HTML that needs nothing but itself. Its words are
 * those of {@code report.html}. Each chart is in it twice, for wide and for narrow screens.
 */
public final class Page {
  private static final Pattern PLACE = Pattern.compile("\\$\\{([\\w-]+)}");

  private final Map<String, String> places = new TreeMap<>();
  private final List<ReportedVariant> variants;

  /** A buffer that lives at the peak. */
  private record PeakBuffer(String name, String owner, long bytes, String lives) {}

  private Page(List<ReportedVariant> variants) {
    this.variants = variants;
  }

  /**
   * Makes the page.
   *
   * @param summary what a reader with little time should read, line by line
   * @param command that made it
   * @param environment names and values
   * @param result with a component {@code variants}, a list of records; it is also in the page as
   *     JSON
   */
  public static String of(
      String title,
      List<String> summary,
      String command,
      Map<String, String> environment,
      Record result,
      List<ReportedVariant> variants)
      throws IOException {
    Page page = new Page(variants);
    Map<String, String> places = page.places;
    places.put("title", escape(title));
    places.put("style", resource("report.css"));
    places.put("summary", each(summary, line -> "<p>" + escape(line) + "</p>\n"));
    places.put("memory-peak", figure("memory-peak", s -> Figures.memoryAtPeak(variants, s)));
    places.put(
        "memory",
        each(
            variants,
            v -> figure("memory-" + v.name(), s -> Figures.memoryOverSteps(v, variants, s))));
    places.put("peaks", each(variants, v -> peak(v, v == variants.getLast())));
    places.put("time", figure("time", s -> Figures.time(variants, s)));
    places.put("launches", figure("launches", s -> Figures.launches(variants, s)));
    places.put(
        "layers",
        each(variants, v -> figure("layers-" + v.name(), s -> Figures.layers(v, variants, s))));
    places.put("slowest", each(variants, Page::slowest));
    places.put("figures", allFigures((List<?>) Json.fields(result).get("variants")));
    places.put("command", escape(command));
    places.put(
        "environment",
        Table.of(List.copyOf(environment.entrySet()))
            .text("", Map.Entry::getKey)
            .text("", Map.Entry::getValue)
            .html("environment"));
    // A "<" would end the element.
    places.put("data", Json.text(result).replace("<", "\\u003c"));
    return page.filled(resource("report.html"));
  }

  /** The template with every place filled; nothing in a filled one is taken for a place. */
  private String filled(String template) {
    boolean timed = variants.stream().anyMatch(v -> !v.layers().isEmpty());
    String shown =
        timed ? template : template.replaceAll("(?s)<!-- time -->.*<!-- /time -->\n", "");
    return PLACE
        .matcher(shown)
        .replaceAll(place -> Matcher.quoteReplacement(places.get(place.group(1))));
  }

  private static <T> String each(List<T> all, Function<T, String> html) {
    return all.stream().map(html).collect(Collectors.joining());
  }

  /** A chart for both screens; {@code report.html} saves the wide one under {@code file}. */
  private static String figure(String file, Function<Screen, Chart> chart) {
    return chart.apply(Screen.WIDE).svg(" data-file=\"" + escape(file) + ".svg\"")
        + chart.apply(Screen.NARROW).svg(" data-narrow=\"\"");
  }

  private static String peak(ReportedVariant v, boolean open) {
    int peak = v.plan().peakStep();
    List<PeakBuffer> rows = new ArrayList<>();
    v.plan().buffers().stream()
        .filter(b -> b.firstStep() <= peak && peak <= b.lastStep())
        .sorted(Comparator.comparingLong(Buffer::bytes).reversed())
        .map(
            b ->
                new PeakBuffer(
                    b.name(),
                    Figures.ownerName(ReportedVariant.owner(b)),
                    b.bytes(),
                    b.firstStep() + " to " + b.lastStep()))
        .forEach(rows::add);
    String summary =
        "%s: %d buffers make the peak, at step %d, %s"
            .formatted(v.name(), rows.size(), peak, v.plan().steps().get(peak).name());
    if (v.unusedBytes() > 0) {
      String unused = Figures.ownerName("unused");
      rows.add(new PeakBuffer("between buffers", unused, v.unusedBytes(), ""));
    }
    rows.add(new PeakBuffer("planned", "", v.plan().peakBytes(), ""));
    return details(
        summary,
        open,
        Table.of(rows)
            .text("buffer", PeakBuffer::name)
            .text("owner", PeakBuffer::owner)
            .bytes("bytes", PeakBuffer::bytes)
            .number("lives, steps", "%s", PeakBuffer::lives)
            .html("peak"));
  }

  private static String slowest(ReportedVariant v) {
    return details(
        v.name() + ": the ten layers that take longest",
        false,
        Table.of(
                v.layers().stream()
                    .sorted(Comparator.comparingDouble(StepTime::millis).reversed())
                    .limit(10)
                    .toList())
            .text("layer", StepTime::step)
            .text("operation", StepTime::operation)
            .text("engine", StepTime::engine)
            .count("launches", StepTime::launches)
            .millis("time", StepTime::millis)
            .number("share", "%.1f %%", l -> 100 * l.millis() / v.millis())
            .html("slowest"));
  }

  private static String details(String summary, boolean open, String html) {
    return "<details%s><summary>%s</summary>\n%s</details>\n"
        .formatted(open ? " open" : "", escape(summary), html);
  }

  /** A column for each variant, a row for each field of its record. */
  private static String allFigures(List<?> variants) {
    List<Map<String, Object>> columns = new ArrayList<>();
    Map<String, Object> all = new LinkedHashMap<>();
    for (Object variant : variants) {
      Map<String, Object> column = new LinkedHashMap<>();
      flatten("", Json.fields((Record) variant), column);
      columns.add(column);
      all.putAll(column);
    }
    all.remove("name");
    Table<String> table =
        Table.of(List.copyOf(all.keySet()))
            .text("", key -> key.replaceAll("_(bytes|ms)$", "").replace('_', ' '));
    for (Map<String, Object> column : columns) {
      String name = String.valueOf(column.get("name"));
      table.number(name, "%s", key -> quantity(key, column.get(key)));
    }
    return table.html("figures");
  }

  /** Fields of fields get names with a colon, as {@code engines: tiled}. */
  private static void flatten(String prefix, Map<?, ?> fields, Map<String, Object> flat) {
    fields.forEach(
        (key, value) -> {
          switch (value) {
            case Map<?, ?> map -> flatten(prefix + key + ": ", map, flat);
            case Record record -> flatten(prefix + key + ": ", Json.fields(record), flat);
            case null, default -> flat.put(prefix + key, value);
          }
        });
  }

  /** A value of JSON by the unit in its key. */
  private static String quantity(String key, Object value) {
    return switch (value) {
      case null -> null;
      case Number n when key.endsWith("_bytes") -> Units.bytes(n.longValue());
      case Number n when key.endsWith("_ms") -> Units.millis(n.doubleValue());
      case Integer n -> Units.count(n);
      case Number n when n.doubleValue() != 0 && Math.abs(n.doubleValue()) < 1e-3 ->
          Chart.format("%.1e", n.doubleValue());
      case Number n -> Chart.format("%.4g", n.doubleValue());
      default -> value.toString();
    };
  }

  private static String resource(String name) {
    try (InputStream file = Page.class.getResourceAsStream(name)) {
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
