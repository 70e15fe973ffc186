package dev.catena.report;

import java.util.Locale;

/**
 * Quantities as people read them: two decimals and a unit that keeps the number below 1024 or 1000.
 */
public final class Units {
  private static final String[] BINARY = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

  private Units() {}

  /** Bytes: {@code 512 B}, {@code 1.50 KiB}, {@code 2.44 GiB}. */
  public static String bytes(long bytes) {
    if (Math.abs((double) bytes) < 1024) {
      return bytes + " B";
    }
    double value = bytes / 1024.0;
    int unit = 0;
    // What would be printed as 1024.00 belongs to the next unit.
    while (Math.abs(value) >= 1023.995) {
      value /= 1024;
      unit++;
    }
    return format("%.2f ", value) + BINARY[unit];
  }

  /** A time given in milliseconds: {@code 7.30 µs}, {@code 53.10 ms}, {@code 12.00 s}. */
  public static String millis(double millis) {
    double size = Math.abs(millis);
    if (size < 0.999995) {
      return format("%.2f µs", millis * 1000);
    } else if (size < 9999.995) {
      return format("%.2f ms", millis);
    }
    return format("%.2f s", millis / 1000);
  }

  /** A whole number, its thousands apart: {@code 7,978,856}. */
  public static String count(long count) {
    return format("%,d", count);
  }

  /**
   * Lines of at most {@code width} characters, each ended. They are broken at spaces; a longer word
   * stays whole, so that a path can be copied.
   *
   * @param first what the first line begins with
   * @param indent what the other lines begin with
   */
  public static String wrapped(String first, String text, String indent, int width) {
    StringBuilder lines = new StringBuilder();
    StringBuilder line = new StringBuilder(first);
    String gap = "";
    for (String word : text.split(" ")) {
      if (!gap.isEmpty() && line.length() + 1 + word.length() > width) {
        lines.append(line).append('\n');
        line = new StringBuilder(indent);
        gap = "";
      }
      line.append(gap).append(word);
      gap = " ";
    }
    return lines.append(line).append('\n').toString();
  }

  private static String format(String format, Object value) {
    return String.format(Locale.ROOT, format, value);
  }
}
