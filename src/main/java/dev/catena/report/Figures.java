package dev.catena.report;

import static dev.catena.report.Chart.format;

import dev.catena.StepTime;
import dev.catena.plan.Buffer;
import dev.catena.plan.MemoryPlan;
import dev.catena.report.Chart.Axis;
import dev.catena.report.Chart.Screen;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.DoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The charts of reports and of the option {@code --chart}. */
public final class Figures {
  private static final double MIB = 1 << 20;
  private static final int INTERVALS = 5;
  private static final int CURVE_POINTS = 400;
  private static final String OTHERS = "others";

  /**
   * Owners of memory by their names, in the order in which they are stacked, with colours that the
   * colour-blind can tell apart (Okabe and Ito).
   */
  private static final Map<String, String> OWNERS =
      series(
          "parameters #7f7f7f, optimizer #b8b8b8, gradients of parameters #6f4fa3, input #0072b2,"
              + " features #009e73, gradients of features #56b4e9, bottlenecks and others #e69f00,"
              + " workspace #d55e00, output #cc79a7, unused between buffers #d8cfa8");

  private static final Map<String, String> OWNER_NAMES =
      Map.of(
          "parameter_gradients", "gradients of parameters",
          "gradients", "gradients of features",
          "activation", "bottlenecks and others",
          "unused", "unused between buffers");

  private static final List<String> PALETTE =
      List.of(
          "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#7f7f7f", "#b39b00",
          "#6f4fa3", "#4d4d4d");

  private Figures() {}

  private static Map<String, String> series(String text) {
    Map<String, String> colors = new LinkedHashMap<>();
    for (String each : text.split(", ")) {
      int space = each.lastIndexOf(' ');
      colors.put(each.substring(0, space), each.substring(space + 1));
    }
    return colors;
  }

  private static Map<String, String> only(Collection<String> names, Map<String, String> colors) {
    Map<String, String> some = new LinkedHashMap<>(colors);
    some.keySet().retainAll(names);
    return some;
  }

  /** An owner for people. */
  static String ownerName(String owner) {
    return OWNER_NAMES.getOrDefault(owner, owner);
  }

  /** The memory of each variant when most is live, by owner. */
  static Chart memoryAtPeak(List<ReportedVariant> variants, Screen screen) {
    Map<String, Map<String, Double>> stacks = new LinkedHashMap<>();
    for (ReportedVariant v : variants) {
      Map<String, Double> stack = new TreeMap<>();
      v.bytesByOwner()
          .forEach((o, steps) -> stack.put(ownerName(o), steps[v.plan().peakStep()] / MIB));
      stack.put(ownerName("unused"), v.unusedBytes() / MIB);
      stack.values().removeIf(mib -> mib == 0);
      stacks.put(v.name(), stack);
    }
    String title = "Device memory at the peak, with what stays between runs";
    return bars(title, "memory, MiB", stacks, OWNERS, m -> Units.bytes((long) (m * MIB)), screen);
  }

  /** Live bytes at each step by owner, on a scale that all variants fit. */
  static Chart memoryOverSteps(ReportedVariant v, List<ReportedVariant> all, Screen screen) {
    Map<String, long[]> bytes = new TreeMap<>();
    v.bytesByOwner().forEach((owner, steps) -> bytes.put(ownerName(owner), steps));
    Map<String, String> colors = only(bytes.keySet(), OWNERS);
    double most = all.stream().mapToLong(ReportedVariant::wholeBytes).max().orElse(1) / MIB;
    int steps = v.plan().steps().size();
    Axis x = Axis.steps("step", steps, (int) (screen.width / 60));
    Axis y = Axis.upTo("memory, MiB", most, INTERVALS);
    Chart chart = new Chart("Memory over the schedule: " + v.name(), screen, x, y, null, colors);
    double[] base = new double[steps];
    for (String owner : colors.keySet()) {
      double[] top = new double[steps];
      Arrays.setAll(top, i -> base[i] + bytes.get(owner)[i] / MIB);
      chart.area(owner, base, top);
      System.arraycopy(top, 0, base, 0, steps);
    }
    for (int i = 0; i < steps && screen == Screen.WIDE; i++) { // where there is a mouse
      int step = i;
      String live =
          colors.keySet().stream()
              .filter(owner -> bytes.get(owner)[step] > 0)
              .map(owner -> "\n" + owner + ": " + Units.bytes(bytes.get(owner)[step]))
              .collect(Collectors.joining());
      String tip = "step " + i + ": " + v.plan().steps().get(i).name() + live;
      chart.box(null, i, i + 1, 0, y.to(), "", tip);
    }
    int peak = v.plan().peakStep();
    String taken = "%s taken; peak at step %d".formatted(Units.bytes(v.wholeBytes()), peak);
    return chart.mark(peak + 0.5, v.wholeBytes() / MIB, taken);
  }

  /**
   * Plans as one SVG file: each buffer a box over its life at its offset in the arena, one plan
   * below the other on one scale.
   *
   * @param plans by name
   */
  public static String arenas(Map<String, MemoryPlan> plans) {
    double most = plans.values().stream().mapToLong(MemoryPlan::peakBytes).max().orElse(1) / MIB;
    double width = Screen.WIDE.width;
    double height = Screen.WIDE.height;
    String frame = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\">%n";
    StringBuilder svg = new StringBuilder(format(frame, width, plans.size() * height));
    double y = 0;
    for (Map.Entry<String, MemoryPlan> plan : plans.entrySet()) {
      String place = format(" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\"", y, width, height);
      svg.append(arena(plan.getKey(), plan.getValue(), most).svg(place));
      y += height;
    }
    return svg.append("</svg>\n").toString();
  }

  private static Chart arena(String name, MemoryPlan plan, double most) {
    List<String> owners =
        plan.buffers().stream().map(b -> ownerName(ReportedVariant.owner(b))).toList();
    Axis x = Axis.steps("step", plan.steps().size(), 14);
    Axis y = Axis.upTo("place in the arena, MiB", most, INTERVALS);
    String title = plan.graph().name() + ", " + name;
    Chart chart = new Chart(title, Screen.WIDE, x, y, null, only(owners, OWNERS));
    for (Buffer b : plan.buffers()) {
      String owner = ownerName(ReportedVariant.owner(b));
      String bytes = Units.bytes(b.bytes()) + " at " + Units.bytes(b.offset());
      String tip =
          "%s (%s): %s, steps %d to %d"
              .formatted(b.name(), owner, bytes, b.firstStep(), b.lastStep());
      double from = b.offset() / MIB;
      chart.box(
          owner, b.firstStep(), b.lastStep() + 1, from, from + b.bytes() / MIB, b.name(), tip);
    }
    String planned = Units.bytes(plan.peakBytes()) + " planned; most live at step ";
    String live = plan.peakStep() + ", " + Units.bytes(plan.lowerBoundBytes());
    return chart.mark(plan.peakStep() + 0.5, plan.peakBytes() / MIB, planned + live);
  }

  /** Colours of operations by the time that they take; where they do not suffice, of the others. */
  private static Map<String, String> operations(List<ReportedVariant> variants) {
    Map<String, Double> spent = new TreeMap<>();
    variants.forEach(
        v -> v.layers().forEach(l -> spent.merge(l.operation(), l.millis(), Double::sum)));
    List<String> ranked =
        spent.keySet().stream().sorted(Comparator.comparing(spent::get).reversed()).toList();
    int own = ranked.size() > PALETTE.size() ? PALETTE.size() - 1 : ranked.size();
    Map<String, String> colors = new LinkedHashMap<>();
    for (int i = 0; i < Math.min(ranked.size(), PALETTE.size()); i++) {
      colors.put(i < own ? ranked.get(i) : OTHERS, PALETTE.get(i));
    }
    return colors;
  }

  private static String operation(StepTime layer, Map<String, String> operations) {
    return operations.containsKey(layer.operation()) ? layer.operation() : OTHERS;
  }

  /** Milliseconds of the layers of each operation. */
  static Chart time(List<ReportedVariant> variants, Screen screen) {
    var stacks = byOperation(variants, StepTime::millis);
    Map<String, String> operations = operations(variants);
    return bars("Time by operation", "device time, ms", stacks, operations, Units::millis, screen);
  }

  /** Launches of the layers of each operation. */
  static Chart launches(List<ReportedVariant> variants, Screen screen) {
    var stacks = byOperation(variants, StepTime::launches);
    DoubleFunction<String> count = n -> Units.count(Math.round(n));
    return bars("Launches by operation", "launches", stacks, operations(variants), count, screen);
  }

  private static Map<String, Map<String, Double>> byOperation(
      List<ReportedVariant> variants, ToDoubleFunction<StepTime> quantity) {
    Map<String, String> operations = operations(variants);
    Map<String, Map<String, Double>> stacks = new LinkedHashMap<>();
    for (ReportedVariant v : variants) {
      stacks.put(
          v.name(),
          v.layers().stream()
              .collect(
                  Collectors.groupingBy(
                      l -> operation(l, operations), Collectors.summingDouble(quantity))));
    }
    return stacks;
  }

  /** The time of each layer in its order, on a scale that all variants fit. */
  static Chart layers(ReportedVariant v, List<ReportedVariant> all, Screen screen) {
    Map<String, String> operations = operations(all);
    List<String> own = v.layers().stream().map(l -> operation(l, operations)).toList();
    double most =
        all.stream()
            .flatMap(o -> o.layers().stream())
            .mapToDouble(StepTime::millis)
            .max()
            .orElse(1);
    Axis x = Axis.steps("layer, in order", own.size(), (int) (screen.width / 60));
    Axis y = Axis.upTo("device time, ms", most, INTERVALS);
    String title = "Time per layer: " + v.name();
    Chart chart = new Chart(title, screen, x, y, null, only(own, operations));
    for (int i = 0; i < own.size(); i++) {
      StepTime l = v.layers().get(i);
      String by = "%s\n%s by %s\n".formatted(l.step(), l.operation(), l.engine());
      chart.box(own.get(i), i, i + 1, 0, l.millis(), "", by + Units.millis(l.millis()));
    }
    return chart;
  }

  /**
   * A training run as an SVG file: the loss of its steps, and on the right the accuracies of its
   * epochs.
   *
   * @param firstStep number of the first step
   * @param losses of each step from it on, finite
   * @param epochs steps made until each epoch's end, over all epochs
   * @param train share of the images to train with that each epoch classified rightly
   * @param test share of those to test with; empty if there are none
   */
  public static String training(
      String title,
      long firstStep,
      List<Float> losses,
      double[] epochs,
      double[] train,
      double[] test) {
    int points = Math.min(CURVE_POINTS, losses.size());
    double[] xs = new double[points];
    double[] means = new double[points]; // a curve of every step would be a band
    for (int i = 0; i < points; i++) {
      int from = (int) ((long) i * losses.size() / points);
      int to = (int) ((i + 1L) * losses.size() / points);
      xs[i] = firstStep + (from + to) / 2.0;
      means[i] = losses.subList(from, to).stream().mapToDouble(l -> l).average().orElse(0);
    }
    double end = (double) firstStep + Math.max(1, losses.size());
    Axis x = Axis.numbers("step", (double) firstStep, end, 8);
    Axis y = Axis.upTo("loss", Arrays.stream(means).max().orElse(1), INTERVALS);
    List<Chart.Tick> percents =
        IntStream.rangeClosed(0, 5).mapToObj(i -> new Chart.Tick(i / 5.0, 20 * i + " %")).toList();
    Axis right = new Axis("accuracy", 0, 1, percents);
    Map<String, String> colors =
        series("loss #888888, accuracy in training #0072b2, test accuracy #d55e00");
    Chart chart = new Chart(title, Screen.WIDE, x, y, right, colors).line("loss", xs, means);
    Map<String, double[]> shares = Map.of("accuracy in training", train, "test accuracy", test);
    shares.forEach(
        (name, share) -> {
          if (share.length > 0) {
            chart.line(name, epochs, Arrays.stream(share).map(s -> s * y.to()).toArray());
          }
        });
    return chart.svg("");
  }

  /** A bar for each name, stacked of the series in the order of their colours. */
  private static Chart bars(
      String title,
      String unit,
      Map<String, Map<String, Double>> stacks,
      Map<String, String> all,
      DoubleFunction<String> label,
      Screen screen) {
    ToDoubleFunction<Map<String, Double>> sum =
        stack -> stack.values().stream().mapToDouble(d -> d).sum();
    double most = stacks.values().stream().mapToDouble(sum).max().orElse(1);
    Map<String, String> colors =
        only(stacks.values().stream().flatMap(s -> s.keySet().stream()).toList(), all);
    Axis x = Axis.names("variant", List.copyOf(stacks.keySet()));
    Chart chart = new Chart(title, screen, x, Axis.upTo(unit, most, INTERVALS), null, colors);
    double at = 0.5;
    for (Map.Entry<String, Map<String, Double>> bar : stacks.entrySet()) {
      double base = 0;
      for (String series : only(bar.getValue().keySet(), colors).keySet()) {
        double top = base + bar.getValue().get(series);
        String tip = bar.getKey() + ", " + series + ": " + label.apply(top - base);
        chart.box(series, at - 0.3, at + 0.3, base, top, "", tip);
        base = top;
      }
      chart.label(at++, base, label.apply(base));
    }
    return chart;
  }
}
