package dev.catena.cli;

import dev.catena.plan.MemoryPlan;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** One variant of a comparison, with its times. */
final class Contestant implements AutoCloseable {
  private final String name;
  private final Subject subject;
  private final double compileMillis;
  private final List<Double> millis = new ArrayList<>();

  Contestant(String name, Subject subject, double compileMillis) {
    this.name = name;
    this.subject = subject;
    this.compileMillis = compileMillis;
  }

  String name() {
    return name;
  }

  MemoryPlan plan() {
    return subject.plan();
  }

  void run() {
    subject.run();
  }

  void measure() {
    long start = System.nanoTime();
    run();
    millis.add((System.nanoTime() - start) / 1e6);
  }

  float[] result() {
    return subject.result();
  }

  /** The first step whose output is not finite. */
  Optional<String> firstNonFinite() {
    return subject.firstNonFinite();
  }

  Agreement agreement(float[] reference) {
    return Agreement.of(reference, result());
  }

  /** {@code variant, step: engine}, in order. */
  List<String> steps() {
    return subject.engines().stream().map(step -> name() + ", " + step).toList();
  }

  /** For the page, with the times of its layers, which are measured now. */
  ReportFile.Entry entry(int rounds) {
    return new ReportFile.Entry(name(), plan(), subject.resident(), subject.profile(rounds));
  }

  /** What the comparison reports. */
  Map<String, Object> row(float[] reference) {
    List<Double> sorted = millis.stream().sorted().toList();
    double median = sorted.get(sorted.size() / 2);
    Agreement agreement = agreement(reference);
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", name());
    row.put("planned_bytes", plan().peakBytes());
    row.put("lower_bound_bytes", plan().lowerBoundBytes());
    row.put("measured_bytes", subject.measuredBytes());
    row.put("weights_bytes", subject.weightBytes());
    row.put("launches", subject.launches());
    row.put("median_ms", median);
    row.put("min_ms", sorted.getFirst());
    row.put("images_per_s", 1000 * subject.batch() / median);
    row.put("max_abs_diff", agreement.absolute());
    row.put("max_rel_diff", agreement.relative());
    row.putAll(subject.more());
    row.put("rounds", sorted.size());
    row.put("compile_ms", compileMillis);
    row.put("engines", engines());
    return row;
  }

  /** How many steps each engine computes. */
  private Map<String, Integer> engines() {
    Map<String, Integer> steps = new TreeMap<>();
    for (String step : subject.engines()) {
      steps.merge(step.substring(step.lastIndexOf(' ') + 1), 1, Integer::sum);
    }
    return steps;
  }

  @Override
  public void close() {
    subject.close();
  }
}
