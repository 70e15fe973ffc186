package dev.catena.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/**
 * A table in plain text with a row for each record: a heading, a rule, rows. Texts stand to the
 * left, quantities to the right; a dash stands for null.
 *
 * <pre>{@code
 * variant    planned      time
 * ────────────────────────────
 * unfused  10.40 GiB  53.10 ms
 * fused     2.44 GiB         –
 * }</pre>
 *
 * <p>Columns stand in the order in which they are added. For one thread at a time.
 *
 * @param <R> what a row shows
 */
public final class Table<R> {
  private static final String GAP = "  ";
  private static final String NONE = "–";
  private static final String INDENT = "    ";

  private final List<R> rows;
  private final List<Column> columns = new ArrayList<>();

  /** A column with the texts of its cells. */
  private record Column(String heading, boolean right, List<String> cells, List<String> titles) {
    int width() {
      return Math.max(length(heading), cells.stream().mapToInt(Table::length).max().orElse(0));
    }

    /** A cell; names may be broken after their dots. */
    String html(String tag, String attributes, String text) {
      return "<%s%s%s>%s</%s>"
          .formatted(
              tag,
              right ? " class=\"number\"" : "",
              attributes,
              right ? Chart.escape(text) : Chart.escape(text).replace(".", ".<wbr>"),
              tag);
    }

    String padded(String text) {
      String spaces = " ".repeat(width() - length(text));
      return right ? spaces + text : text + spaces;
    }
  }

  private Table(List<R> rows) {
    this.rows = List.copyOf(rows);
  }

  /** A table of {@code rows}, without columns. */
  public static <R> Table<R> of(List<R> rows) {
    return new Table<>(rows);
  }

  /** Adds a column of texts. */
  public Table<R> text(String heading, Function<R, ?> value) {
    return add(heading, false, row -> String.valueOf(value.apply(row)));
  }

  /** Adds a column of sizes in bytes. */
  public Table<R> bytes(String heading, ToLongFunction<R> value) {
    List<String> exact =
        rows.stream().map(row -> Units.count(value.applyAsLong(row)) + " bytes").toList();
    List<String> cells = rows.stream().map(row -> Units.bytes(value.applyAsLong(row))).toList();
    columns.add(new Column(heading, true, cells, exact));
    return this;
  }

  /** Adds a column of times in milliseconds. */
  public Table<R> millis(String heading, ToDoubleFunction<R> value) {
    return add(heading, true, row -> Units.millis(value.applyAsDouble(row)));
  }

  /** Adds a column of whole numbers. */
  public Table<R> count(String heading, ToLongFunction<R> value) {
    return add(heading, true, row -> Units.count(value.applyAsLong(row)));
  }

  /** Adds a column of percentages without decimals, of shares from 0 to 1. */
  public Table<R> percent(String heading, ToDoubleFunction<R> share) {
    return number(heading, "%.0f %%", row -> 100 * share.applyAsDouble(row));
  }

  /** Adds a column of numbers in a format of {@link String#format}. */
  public Table<R> number(String heading, String format, Function<R, ?> value) {
    return add(
        heading,
        true,
        row -> {
          Object number = value.apply(row);
          return number == null ? NONE : String.format(Locale.ROOT, format, number);
        });
  }

  private Table<R> add(String heading, boolean right, Function<R, String> cell) {
    columns.add(new Column(heading, right, rows.stream().map(cell).toList(), List.of()));
    return this;
  }

  /** All columns, however wide. Each line is ended. */
  @Override
  public String toString() {
    return text(Integer.MAX_VALUE);
  }

  /**
   * The table in lines of at most {@code width} characters, where that is possible. If it is wider,
   * columns without a value are left out; long texts of the last column stand on lines of their own
   * under each row; then further columns are left out until the rest fits.
   *
   * @param leftOut headings of the columns that may be left out, the least important first
   */
  public String text(int width, String... leftOut) {
    List<Column> shown = new ArrayList<>(columns);
    List<String> missing = new ArrayList<>();
    Column below = null;
    if (width(shown) > width) {
      shown.removeIf(column -> column.cells.stream().allMatch(NONE::equals));
      if (width(shown) > width && !shown.getLast().right && shown.getLast().width() > width / 4) {
        below = shown.removeLast();
      }
    }
    for (String heading : leftOut) {
      if (width(shown) > width && shown.removeIf(column -> column.heading.equals(heading))) {
        missing.add(heading);
      }
    }
    StringBuilder text = new StringBuilder();
    line(text, shown.stream().map(column -> column.padded(column.heading)).toList());
    text.append("─".repeat(width(shown))).append('\n');
    for (int i = 0; i < rows.size(); i++) {
      int row = i;
      line(text, shown.stream().map(column -> column.padded(column.cells.get(row))).toList());
      if (below != null) {
        text.append(Units.wrapped(INDENT, below.cells.get(row), INDENT, width));
      }
    }
    return missing.isEmpty()
        ? text.toString()
        : text + Units.wrapped("--wide also shows: ", String.join(", ", missing), "  ", width);
  }

  /** The table as HTML, of the class {@code kind}. A size has its bytes as a tip. */
  String html(String kind) {
    StringBuilder html = new StringBuilder("<table class=\"" + kind + "\"><thead><tr>");
    for (Column column : columns) {
      html.append(column.html("th", "", column.heading));
    }
    html.append("</tr></thead>\n<tbody>\n");
    for (int i = 0; i < rows.size(); i++) {
      html.append("<tr>");
      for (Column column : columns) {
        String title = column.titles.isEmpty() ? "" : " title=\"" + column.titles.get(i) + "\"";
        String heading = " data-of=\"" + Chart.escape(column.heading) + "\"";
        html.append(column.html("td", heading + title, column.cells.get(i)));
      }
      html.append("</tr>\n");
    }
    return html.append("</tbody></table>\n").toString();
  }

  private static void line(StringBuilder text, List<String> cells) {
    text.append(String.join(GAP, cells).stripTrailing()).append('\n');
  }

  private static int width(List<Column> columns) {
    return columns.stream().mapToInt(Column::width).sum() + GAP.length() * (columns.size() - 1);
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }
}
