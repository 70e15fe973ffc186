package dev.catena.report;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A memory plan as a picture (SVG): steps to the right, bytes upwards, each buffer a rectangle over
 * its life at its offset. The top of the arena and the step with the most live bytes are marked.
 */
public final class MemoryChart {
  private static final double WIDTH = 960;
  private static final double HEIGHT = 480;
  private static final double LEFT = 84;
  private static final double RIGHT = 24;
  private static final double TOP = 76;
  private static final double BOTTOM = 52;

  /**
   * Colours that the colour-blind can tell apart (Okabe and Ito), paled by the style. The usual
   * owners have theirs in every chart, so that charts can be compared.
   */
  private static final Map<String, String> COLORS =
      Map.of(
          "features", "#009e73",
          "activation", "#e69f00",
          "workspace", "#d55e00",
          "input", "#0072b2",
          "output", "#cc79a7",
          "gradient", "#56b4e9");

  private static final String OTHER = "#888888";

  private static final String STYLE =
      """
      text{font:12px system-ui,sans-serif;fill:#333}
      .title{font-size:16px;font-weight:600}
      .buffer{fill-opacity:.55;stroke:#fff;stroke-width:.3}
      .buffer:hover{fill-opacity:.9}
      .name{font-size:10px;pointer-events:none}
      .grid{stroke:#ddd}.axis{stroke:#888}
      .peak{stroke:#b00020;stroke-dasharray:5 4}
      .peak-text{fill:#b00020}
      """;

  private final StringBuilder svg = new StringBuilder();
  private final List<Block> blocks;
  private final Map<String, String> colors = new TreeMap<>();
  private final int steps;
  private final long top;

  /**
   * A buffer in the arena.
   *
   * @param name of what lies in it
   * @param owner what it is for; buffers of one owner have one colour
   * @param firstStep the first step that writes it, from 0
   * @param lastStep the last step that reads it, inclusive
   * @param offset its first byte in the arena
   * @param bytes its size
   */
  public record Block(
      String name, String owner, int firstStep, int lastStep, long offset, long bytes) {
    /** Checks the ranges. */
    public Block {
      if (firstStep < 0 || lastStep < firstStep || offset < 0 || bytes < 0) {
        throw new IllegalArgumentException(
            "%s: steps %d to %d, %d bytes at %d"
                .formatted(name, firstStep, lastStep, bytes, offset));
      }
    }

    long end() {
      return Math.addExact(offset, bytes);
    }

    boolean livesAt(int step) {
      return firstStep <= step && step <= lastStep;
    }
  }

  private MemoryChart(List<Block> blocks, long top) {
    this.blocks = List.copyOf(blocks);
    this.steps = 1 + blocks.stream().mapToInt(Block::lastStep).max().orElse(0);
    this.top = Math.max(1, Math.max(top, arena()));
    for (Block block : blocks) {
      colors.put(block.owner(), COLORS.getOrDefault(block.owner(), OTHER));
    }
  }

  /** Draws a plan; the axis ends a little above the arena. */
  public static String svg(String title, List<Block> blocks) {
    return svg(title, blocks, 0);
  }

  /**
   * Draws a plan on an axis of at least {@code top} bytes, so that charts of several plans can be
   * compared.
   */
  public static String svg(String title, List<Block> blocks, long top) {
    return frame(title, 1) + new MemoryChart(blocks, top).draw(title) + "</svg>\n";
  }

  /** Draws several plans one below the other on one scale, in the order of their titles. */
  public static String svg(Map<String, List<Block>> plans) {
    long top = plans.values().stream().mapToLong(MemoryChart::arena).max().orElse(0);
    StringBuilder svg = new StringBuilder(frame(String.join("; ", plans.keySet()), plans.size()));
    double y = 0;
    for (Map.Entry<String, List<Block>> plan : plans.entrySet()) {
      svg.append(format("<g transform=\"translate(0 %.0f)\">%n", y))
          .append(new MemoryChart(plan.getValue(), top).draw(plan.getKey()))
          .append("</g>\n");
      y += HEIGHT;
    }
    return svg.append("</svg>\n").toString();
  }

  /** The start of a picture of charts below each other. */
  private static String frame(String title, int charts) {
    return format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\">%n",
            WIDTH, charts * HEIGHT)
        + format("<title>%s</title>%n<style>%n%s</style>%n", escape(title), STYLE)
        + format("<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>%n");
  }

  private String draw(String title) {
    add("<text class=\"title\" x=\"%.0f\" y=\"30\">%s</text>%n", LEFT, escape(title));
    legend();
    byteAxis();
    stepAxis();
    blocks.stream().sorted(Comparator.comparingLong(Block::offset)).forEach(this::block);
    peak();
    return svg.toString();
  }

  private void legend() {
    double x = LEFT;
    for (var color : colors.entrySet()) {
      String name = color.getKey();
      add(
          "<rect class=\"buffer\" x=\"%.1f\" y=\"43\" width=\"12\" height=\"12\" fill=\"%s\"/>%n",
          x, color.getValue());
      add("<text x=\"%.1f\" y=\"53\">%s</text>%n", x + 18, escape(name));
      x += 40 + 7 * name.length();
    }
  }

  private void byteAxis() {
    long tick = byteTick();
    for (long bytes = 0; bytes <= top; bytes += tick) {
      double y = y(bytes);
      add(
          "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>%n",
          LEFT, WIDTH - RIGHT, y, y);
      add(
          "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>%n",
          LEFT - 8, y + 4, Units.bytes(bytes).replace(".00", ""));
    }
  }

  private void stepAxis() {
    double floor = y(0);
    add(
        "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>%n",
        LEFT, WIDTH - RIGHT, floor, floor);
    int tick = stepTick();
    for (int step = 0; step < steps; step += tick) {
      double middle = (x(step) + x(step + 1)) / 2;
      add(
          "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%d</text>%n",
          middle, floor + 18, step);
    }
    add(
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">step</text>%n",
        (LEFT + WIDTH - RIGHT) / 2, floor + 38);
  }

  private void block(Block block) {
    double x = x(block.firstStep());
    double y = y(block.end());
    double width = x(block.lastStep() + 1) - x;
    double height = y(block.offset()) - y;
    add(
        "<rect class=\"buffer\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\">",
        x, y, width, height, colors.get(block.owner()));
    add(
        "<title>%s (%s): %s at %s, steps %d to %d</title></rect>%n",
        escape(block.name()),
        escape(block.owner()),
        Units.bytes(block.bytes()),
        Units.bytes(block.offset()),
        block.firstStep(),
        block.lastStep());
    if (height >= 14 && width >= 10 + 5.5 * block.name().length()) {
      add(
          "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">%s</text>%n",
          x + 5, y + 11, escape(block.name()));
    }
  }

  private void peak() {
    double y = y(arena());
    int step = peakStep();
    double x = (x(step) + x(step + 1)) / 2;
    add(
        "<line class=\"peak\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>%n",
        LEFT, WIDTH - RIGHT, y, y);
    add("<line class=\"peak\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>%n", x, x, y, y(0));
    add(
        "<text class=\"peak-text\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">"
            + "%s planned; most live at step %d, %s</text>%n",
        WIDTH - RIGHT, y - 6, Units.bytes(arena()), step, Units.bytes(live(step)));
  }

  private long arena() {
    return arena(blocks);
  }

  private static long arena(List<Block> blocks) {
    return blocks.stream().mapToLong(Block::end).max().orElse(0);
  }

  private long live(int step) {
    return blocks.stream().filter(b -> b.livesAt(step)).mapToLong(Block::bytes).sum();
  }

  /** The first of the steps with the most live bytes. */
  private int peakStep() {
    int peak = 0;
    long most = live(0);
    for (int step = 1; step < steps; step++) {
      long live = live(step);
      if (live > most) {
        peak = step;
        most = live;
      }
    }
    return peak;
  }

  /** A power of two that divides the axis into 4 to 8 parts. */
  private long byteTick() {
    return Math.max(1, Long.highestOneBit(top) / 4);
  }

  /** 1, 2 or 5 times a power of ten, that there be at most about 16 numbers. */
  private int stepTick() {
    int tick = 1;
    for (int i = 0; steps / tick > 16; i++) {
      tick = i % 3 == 1 ? tick / 2 * 5 : tick * 2;
    }
    return tick;
  }

  private double x(int step) {
    return LEFT + (WIDTH - LEFT - RIGHT) * step / steps;
  }

  private double y(long bytes) {
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ((double) bytes / top);
  }

  private void add(String format, Object... values) {
    svg.append(format(format, values));
  }

  private static String format(String format, Object... values) {
    return String.format(Locale.ROOT, format.replace("%n", "\n"), values);
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
