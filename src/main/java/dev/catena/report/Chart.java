package dev.catena.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A chart as SVG: a title, a legend, two axes, and boxes, areas, lines and marks on them. It stands
 * for itself as a file, and in a page takes the page's colours {@code --ink}, {@code --dim}, {@code
 * --rule}, {@code --paper} and {@code --mark}. For one thread at a time.
 */
final class Chart {
  private static final double LEFT = 62;
  private static final double BELOW = 48;
  private static final int LINE = 20;

  private static final String STYLE =
      """
      .chart text{font:12px system-ui,sans-serif;fill:var(--ink,#1d2328)}
      .chart .title{font-size:15px;font-weight:600}
      .chart .axis{fill:var(--dim,#5b646c)}
      .chart .grid{stroke:var(--rule,#d9dde1)}
      .chart .mark{stroke:var(--mark,#b00020);stroke-dasharray:5 4}
      .chart .mark-text{fill:var(--mark,#b00020)}
      .chart .mark-text,.chart .over{paint-order:stroke;stroke:var(--paper,#fff);stroke-width:4px}
      .chart .outline{stroke:var(--paper,#fff);stroke-width:.4}
      .chart .unseen{fill:transparent}
      .chart .line{fill:none;stroke-width:2}
      """;

  private final String title;
  private final Screen screen;
  private final double bottom;
  private final double right;
  private final double top;
  private final Axis x;
  private final Axis y;
  private final Map<String, String> colors = new LinkedHashMap<>();
  private final StringBuilder content = new StringBuilder();

  /** The size of a chart for a screen, in pixels. */
  enum Screen {
    WIDE(840, 420),
    NARROW(358, 380);

    final double width;
    final double height;

    Screen(double width, double height) {
      this.width = width;
      this.height = height;
    }
  }

  /** A value of an axis that is named. */
  record Tick(double at, String label) {}

  /** A scale from one value to another. */
  record Axis(String name, double from, double to, List<Tick> ticks) {
    /** From 0 to the end of the last interval, which contains {@code most}. */
    static Axis upTo(String name, double most, int intervals) {
      Axis axis = numbers(name, 0, most, intervals);
      double tick = axis.ticks.size() > 1 ? axis.ticks.get(1).at : 1;
      return numbers(name, 0, tick * Math.max(1, Math.ceil(1.02 * most / tick)), intervals + 1);
    }

    /** Ticks at multiples of 1, 2 or 5 times a power of ten, at most about {@code intervals}. */
    static Axis numbers(String name, double from, double to, int intervals) {
      double rough = Math.max(to - from, 1e-9) / intervals;
      double power = Math.pow(10, Math.floor(Math.log10(rough)));
      double tick =
          power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
      int decimals = (int) Math.max(0, -Math.floor(Math.log10(tick) + 1e-9));
      List<Tick> ticks = new ArrayList<>();
      for (long i = (long) Math.ceil(from / tick - 1e-9); i * tick <= to + 1e-9 * tick; i++) {
        ticks.add(new Tick(i * tick, format("%,." + decimals + "f", i * tick)));
      }
      return new Axis(name, from, to, ticks);
    }

    /** Steps from 0, of which each takes the length 1; ticks stand in their middle. */
    static Axis steps(String name, int steps, int intervals) {
      List<Tick> ticks = new ArrayList<>();
      int last = Math.max(1, steps - 1);
      for (Tick tick : numbers(name, 0, last, Math.min(intervals, last)).ticks) {
        if (tick.at < steps) {
          ticks.add(new Tick(tick.at + 0.5, tick.label));
        }
      }
      return new Axis(name, 0, Math.max(1, steps), ticks);
    }

    /** Names from 0 on, of which each takes the length 1. */
    static Axis names(String name, List<String> names) {
      List<Tick> ticks = new ArrayList<>();
      for (String each : names) {
        ticks.add(new Tick(ticks.size() + 0.5, each));
      }
      return new Axis(name, 0, names.size(), ticks);
    }

    double share(double value) {
      return (value - from) / (to - from);
    }
  }

  /**
   * An empty chart.
   *
   * @param second an axis on the right of the same length as {@code y}, or null
   * @param colors of the series by name, in the order of the legend
   */
  Chart(String title, Screen screen, Axis x, Axis y, Axis second, Map<String, String> colors) {
    this.title = title;
    this.screen = screen;
    this.x = x;
    this.y = y;
    this.colors.putAll(colors);
    this.right = screen.width - (second == null ? 14 : 56);
    this.bottom = screen.height - BELOW;
    this.top = heading();
    axes(second);
  }

  /** Title and legend, broken into lines; returns where the plot begins. */
  private double heading() {
    double row = 0;
    for (String line : Units.wrapped("", title, "", (int) (screen.width / 9)).split("\n")) {
      row += LINE;
      text("title", 4, row - 5, "start", line);
    }
    double at = 4;
    row += LINE;
    for (Map.Entry<String, String> series : colors.entrySet()) {
      double wide = 34 + 6.6 * series.getKey().length();
      if (at > 4 && at + wide > screen.width) {
        at = 4;
        row += LINE;
      }
      String color = series.getValue();
      add("<rect x='%s' y='%s' width='12' height='10' fill='%s'/>", at, row - 13, color);
      text("", at + 16, row - 4, "start", series.getKey());
      at += wide;
    }
    return row + 30;
  }

  private void axes(Axis second) {
    for (Tick tick : y.ticks) {
      line("grid", LEFT, y(tick.at), right, y(tick.at));
      text("axis", LEFT - 6, y(tick.at) + 4, "end", tick.label);
    }
    for (Tick tick : x.ticks) {
      text("axis", x(tick.at), bottom + 17, "middle", tick.label);
    }
    text("axis", 4, top - 14, "start", y.name);
    text("axis", (LEFT + right) / 2, bottom + 38, "middle", x.name);
    if (second != null) {
      for (Tick tick : second.ticks) {
        text("axis", right + 6, y(y.to * second.share(tick.at)) + 4, "start", tick.label);
      }
      text("axis", screen.width - 2, top - 14, "end", second.name);
    }
  }

  /**
   * A box between two values of each axis.
   *
   * @param series null for a box that is not seen
   * @param name in it if it is large enough
   * @param tip shown to those who point at it
   */
  Chart box(String series, double x0, double x1, double y0, double y1, String name, String tip) {
    double wide = x(x1) - x(x0);
    double high = y(y0) - y(y1);
    String look =
        series == null ? "class='unseen'" : "class='outline' fill='" + colors.get(series) + "'";
    add(
        "<rect " + look + " x='%s' y='%s' width='%s' height='%s'><title>%s</title></rect>",
        x(x0),
        y(y1),
        wide,
        high,
        tip);
    if (!name.isEmpty() && high >= 14 && wide >= 10 + 6.6 * name.length()) {
      text("", x(x0) + 4, y(y1) + 12, "start", name);
    }
    return this;
  }

  /** Fills the area between two levels, which change from step to step. */
  Chart area(String series, double[] base, double[] level) {
    StringBuilder path = new StringBuilder("M" + n(x(0)) + " " + n(y(base[0])));
    for (int i = 0; i < level.length; i++) {
      if (i == 0 || level[i] != level[i - 1]) {
        path.append("H").append(n(x(i))).append("V").append(n(y(level[i])));
      }
    }
    path.append("H").append(n(x(level.length)));
    for (int i = base.length - 1; i >= 0; i--) {
      if (i == base.length - 1 || base[i] != base[i + 1]) {
        path.append("H").append(n(x(i + 1))).append("V").append(n(y(base[i])));
      }
    }
    add("<path fill='%s' d='%sZ'/>", colors.get(series), path);
    return this;
  }

  /** A line through points; a few of them are also drawn as dots. */
  Chart line(String series, double[] xs, double[] ys) {
    String color = colors.get(series);
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < xs.length; i++) {
      points.append(n(x(xs[i]))).append(',').append(n(y(ys[i]))).append(' ');
      if (xs.length <= 30) {
        add("<circle cx='%s' cy='%s' r='3' fill='%s'/>", x(xs[i]), y(ys[i]), color);
      }
    }
    add(
        "<polyline class='line' data-series='%s' stroke='%s' points='%s'/>",
        series, color, points.toString().strip());
    return this;
  }

  /** A text above a point. */
  Chart label(double at, double level, String text) {
    text("over", x(at), y(level) - 6, "middle", text);
    return this;
  }

  /** Dashed lines at a level and at a step, and a text at the top on the side with more room. */
  Chart mark(double at, double level, String text) {
    line("mark", LEFT, y(level), right, y(level));
    line("mark", x(at), y(level), x(at), bottom);
    boolean left = x.share(at) > 0.5;
    text("mark-text", left ? right - 4 : LEFT + 4, y(level) - 6, left ? "end" : "start", text);
    return this;
  }

  /** The chart; {@code attributes} are added to its element. */
  String svg(String attributes) {
    String size = format("viewBox=\"0 0 %s %s\"", n(screen.width), n(screen.height));
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" %s aria-label=\"%s\"%s>\n"
            .formatted(size, escape(title), attributes)
        + "<style>\n%s</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"var(--paper,#fff)\"/>\n"
            .formatted(STYLE)
        + content
        + "</svg>\n";
  }

  private double x(double value) {
    return LEFT + (right - LEFT) * x.share(value);
  }

  private double y(double value) {
    return bottom - (bottom - top) * y.share(value);
  }

  private void line(String kind, double x1, double y1, double x2, double y2) {
    add("<line class='%s' x1='%s' y1='%s' x2='%s' y2='%s'/>", kind, x1, y1, x2, y2);
  }

  private void text(String kind, double x, double y, String anchor, String text) {
    add("<text class='%s' x='%s' y='%s' text-anchor='%s'>%s</text>", kind, x, y, anchor, text);
  }

  /** Adds an element: numbers as coordinates, texts escaped, quotes doubled. */
  private void add(String format, Object... values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = values[i] instanceof Double d ? n(d) : escape(values[i].toString());
    }
    content.append(format(format.replace('\'', '"'), values)).append('\n');
  }

  /** A coordinate with one decimal at most. */
  private static String n(double value) {
    return format("%.1f", value).replace(".0", "");
  }

  static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** Text for HTML and XML. */
  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
