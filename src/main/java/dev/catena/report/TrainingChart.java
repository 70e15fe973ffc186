package dev.catena.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * Draws a training run as SVG: the loss of its steps, axis on the left; the accuracies of its
 * epochs, axis on the right.
 */
public final class TrainingChart {
  private static final double WIDTH = 1000;
  private static final double HEIGHT = 420;
  private static final double LEFT = 70;
  private static final double RIGHT = 70;
  private static final double TOP = 70;
  private static final double BOTTOM = 50;
  private static final int POINTS = 400;
  private static final int TICKS = 5;

  private static final String STYLE =
      """
      text{font:12px system-ui,sans-serif;fill:#333}
      .title{font-size:16px;font-weight:600}
      .grid{stroke:#ddd}
      polyline{fill:none;stroke-width:1.5}
      .loss{stroke:#888888}.train{stroke:#0072b2}.test{stroke:#d55e00;stroke-width:2.5}
      """;

  private final StringBuilder svg = new StringBuilder();
  private final long firstStep;
  private final double steps;
  private final double top;

  /**
   * An epoch.
   *
   * @param steps made until its end, over all epochs
   * @param train share of the images to train with that were classified rightly
   * @param test share of those to test with; NaN if there are none
   */
  public record Epoch(long steps, double train, double test) {}

  private TrainingChart(long firstStep, List<Float> losses) {
    this.firstStep = firstStep;
    this.steps = Math.max(1, losses.size());
    this.top = Math.max(1e-9, averages(losses).stream().mapToDouble(d -> d).max().orElse(1));
  }

  /**
   * Draws a run.
   *
   * @param title above it
   * @param firstStep number of the first step
   * @param losses of each step from it on, finite
   * @param epochs in order
   */
  public static String svg(String title, long firstStep, List<Float> losses, List<Epoch> epochs) {
    return new TrainingChart(firstStep, losses).draw(title, losses, epochs);
  }

  private String draw(String title, List<Float> losses, List<Epoch> epochs) {
    add(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\">\n",
        WIDTH, HEIGHT);
    String name = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    add("<title>%s</title>\n<style>\n%s</style>\n", name, STYLE);
    add("<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n");
    add("<text class=\"title\" x=\"%.0f\" y=\"28\">%s</text>\n", LEFT, name);
    legend();
    axes();
    List<Double> means = averages(losses);
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < means.size(); i++) {
      double step = firstStep + steps * (i + 0.5) / means.size();
      points.append(point(step, means.get(i) / top));
    }
    line("loss", points);
    line("train", points(epochs, Epoch::train));
    line("test", points(epochs, Epoch::test));
    return svg.append("</svg>\n").toString();
  }

  private void legend() {
    List<String> texts = List.of("loss", "accuracy in training", "test accuracy");
    List<String> kinds = List.of("loss", "train", "test");
    for (int i = 0; i < kinds.size(); i++) {
      double x = LEFT + 180 * i;
      line(
          kinds.get(i),
          new StringBuilder(String.format(Locale.ROOT, "%.0f,48 %.0f,48", x, x + 24)));
      add("<text x=\"%.0f\" y=\"52\">%s</text>\n", x + 30, texts.get(i));
    }
  }

  private void axes() {
    for (int i = 0; i <= TICKS; i++) {
      double share = (double) i / TICKS;
      double y = y(share);
      add(
          "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
          LEFT, WIDTH - RIGHT, y, y);
      add(
          "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>\n",
          LEFT - 8, y + 4, share * top);
      add("<text x=\"%.1f\" y=\"%.1f\">%.0f %%</text>\n", WIDTH - RIGHT + 8, y + 4, 100 * share);
      double step = firstStep + share * steps;
      add(
          "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%,.0f</text>\n",
          x(step), HEIGHT - BOTTOM + 18, step);
    }
    add("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">step</text>\n", WIDTH / 2, HEIGHT - 12);
  }

  /** Means over equal stretches: a curve of every step would be a band. */
  private static List<Double> averages(List<Float> losses) {
    List<Double> means = new ArrayList<>();
    int count = Math.min(POINTS, losses.size());
    for (int i = 0; i < count; i++) {
      int from = (int) ((long) i * losses.size() / count);
      int to = (int) ((i + 1L) * losses.size() / count);
      means.add(
          losses.subList(from, to).stream().mapToDouble(Float::doubleValue).average().orElse(0));
    }
    return means;
  }

  private StringBuilder points(List<Epoch> epochs, ToDoubleFunction<Epoch> accuracy) {
    StringBuilder points = new StringBuilder();
    for (Epoch epoch : epochs) {
      double share = accuracy.applyAsDouble(epoch);
      if (!Double.isNaN(share)) {
        points.append(point((double) epoch.steps(), share));
      }
    }
    return points;
  }

  private String point(double step, double share) {
    return String.format(Locale.ROOT, "%.1f,%.1f ", x(step), y(share));
  }

  private void line(String kind, StringBuilder points) {
    if (!points.isEmpty()) {
      add("<polyline class=\"%s\" points=\"%s\"/>\n", kind, points.toString().strip());
    }
  }

  private double x(double step) {
    return LEFT + (WIDTH - LEFT - RIGHT) * (step - firstStep) / steps;
  }

  private double y(double share) {
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share;
  }

  private void add(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
  }
}
