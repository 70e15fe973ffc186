package dev.catena.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A table in plain text: a heading, a rule, rows. Texts stand to the left, quantities to the right.
 *
 * <pre>{@code
 * variant    planned      time
 * ────────────────────────────
 * unfused  10.40 GiB  53.10 ms
 * fused     2.44 GiB         –
 * }</pre>
 *
 * <p>For one thread at a time.
 */
public final class Table {
  private static final String GAP = "  ";

  private final List<List<Cell>> rows = new ArrayList<>();
  private final int columns;

  /** One entry of a row. */
  private record Cell(String text, boolean right) {
    int width() {
      return text.codePointCount(0, text.length());
    }

    String padded(int width, boolean toTheRight) {
      String spaces = " ".repeat(width - width());
      return toTheRight ? spaces + text : text + spaces;
    }
  }

  /** Quantities of a row, to be had from the methods of {@link Table}. */
  public sealed interface Quantity {
    /** The number and its unit. */
    String text();
  }

  private record Formatted(String text) implements Quantity {}

  /** A table with these headings. */
  public Table(String... headings) {
    columns = headings.length;
    rows.add(Arrays.stream(headings).map(text -> new Cell(text, false)).toList());
  }

  /** A size in bytes. */
  public static Quantity bytes(long bytes) {
    return new Formatted(Units.bytes(bytes));
  }

  /** A time in milliseconds. */
  public static Quantity millis(double millis) {
    return new Formatted(Units.millis(millis));
  }

  /** A whole number. */
  public static Quantity count(long count) {
    return new Formatted(Units.count(count));
  }

  /** Any number, already formatted. */
  public static Quantity number(String text) {
    return new Formatted(text);
  }

  /** A quantity that is not known or has no meaning here. */
  public static Quantity none() {
    return new Formatted("–");
  }

  /**
   * Adds a row.
   *
   * @param cells one for each heading: a {@link Quantity}, or anything else to be shown as text
   */
  public Table row(Object... cells) {
    if (cells.length != columns) {
      throw new IllegalArgumentException(cells.length + " cells for " + columns + " headings");
    }
    rows.add(Arrays.stream(cells).map(Table::cell).toList());
    return this;
  }

  private static Cell cell(Object value) {
    return value instanceof Quantity quantity
        ? new Cell(quantity.text(), true)
        : new Cell(value.toString(), false);
  }

  /** All lines, each ended. */
  @Override
  public String toString() {
    int[] widths = new int[columns];
    boolean[] right = new boolean[columns];
    for (List<Cell> row : rows) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], row.get(i).width());
        right[i] |= row.get(i).right();
      }
    }
    StringBuilder text = new StringBuilder();
    for (List<Cell> row : rows) {
      List<String> padded = new ArrayList<>();
      for (int i = 0; i < columns; i++) {
        // A heading goes with its column.
        padded.add(
            row.get(i).padded(widths[i], row == rows.getFirst() ? right[i] : row.get(i).right()));
      }
      text.append(String.join(GAP, padded).stripTrailing()).append('\n');
      if (row == rows.getFirst()) {
        int width = Arrays.stream(widths).sum() + GAP.length() * (columns - 1);
        text.append("─".repeat(width)).append('\n');
      }
    }
    return text.toString();
  }
}
