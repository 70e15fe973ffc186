package dev.catena.cli;

import dev.catena.exec.Session;
import dev.catena.plan.MemoryPlan;
import dev.catena.rewrite.Variant;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/** One variant of a comparison, with its times. */
final class Contestant implements AutoCloseable {
  private final Variant variant;
  private final Session session;
  private final double compileMillis;
  private final MemorySegment images;
  private final MemorySegment result;
  private final List<Double> millis = new ArrayList<>();

  /** Of a session whose batch is {@code images}. */
  Contestant(
      Variant variant, Session session, double compileMillis, MemorySegment images, Arena arena) {
    this.variant = variant;
    this.session = session;
    this.compileMillis = compileMillis;
    this.images = images;
    long floats = (long) session.maxBatch() * session.resultSize();
    this.result = arena.allocate(floats * Float.BYTES, 64);
  }

  /** Normally distributed pixels, as after the usual normalisation: a full batch. */
  static MemorySegment images(Session session, long seed, Arena arena) {
    long elements = session.maxBatch() * session.image().elements();
    MemorySegment images = arena.allocate(elements * Float.BYTES, 64);
    SplittableRandom random = new SplittableRandom(seed);
    for (long i = 0; i < elements; i++) {
      images.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return images;
  }

  String name() {
    return variant.label();
  }

  MemoryPlan plan() {
    return session.plan();
  }

  void run() {
    session.run(images, result);
  }

  void measure() {
    long start = System.nanoTime();
    run();
    millis.add((System.nanoTime() - start) / 1e6);
  }

  float[] result() {
    return result.toArray(ValueLayout.JAVA_FLOAT);
  }

  Agreement agreement(float[] reference) {
    return Agreement.of(reference, result());
  }

  /** {@code variant, step: engine}, in order. */
  List<String> steps() {
    return session.engines().stream().map(step -> name() + ", " + step).toList();
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
    row.put("measured_bytes", session.arenaBytes());
    row.put("weights_bytes", session.weightBytes());
    row.put("launches", session.launches());
    row.put("median_ms", median);
    row.put("min_ms", sorted.getFirst());
    row.put("images_per_s", 1000 * session.maxBatch() / median);
    row.put("max_abs_diff", agreement.absolute());
    row.put("max_rel_diff", agreement.relative());
    row.put("rounds", sorted.size());
    row.put("compile_ms", compileMillis);
    row.put("engines", engines());
    return row;
  }

  /** How many steps each engine computes. */
  private Map<String, Integer> engines() {
    Map<String, Integer> steps = new TreeMap<>();
    for (String step : session.engines()) {
      steps.merge(step.substring(step.lastIndexOf(' ') + 1), 1, Integer::sum);
    }
    return steps;
  }

  @Override
  public void close() {
    session.close();
  }
}
