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

/** One variant of a comparison, with its times. */
final class Contestant implements AutoCloseable {
  private final Variant variant;
  private final Session session;
  private final MemorySegment images;
  private final MemorySegment result;
  private final List<Double> millis = new ArrayList<>();

  Contestant(Variant variant, Session session, MemorySegment images, Arena arena) {
    this.variant = variant;
    this.session = session;
    this.images = images;
    long floats = images.byteSize() / (session.image().elements() * Float.BYTES);
    this.result = arena.allocate(floats * session.resultSize() * Float.BYTES, 64);
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

  Map<String, Object> row(int batch, float[] reference) {
    List<Double> sorted = millis.stream().sorted().toList();
    double median = sorted.get(sorted.size() / 2);
    MemoryPlan plan = session.plan();
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", variant.label());
    row.put("planned_bytes", plan.peakBytes());
    row.put("lower_bound_bytes", plan.lowerBoundBytes());
    row.put("measured_bytes", session.arenaBytes());
    row.put("weights_bytes", session.weightBytes());
    row.put("launches", session.launches());
    row.put("median_ms", median);
    row.put("min_ms", sorted.getFirst());
    row.put("rounds", sorted.size());
    row.put("images_per_s", 1000 * batch / median);
    compare(reference, row);
    return row;
  }

  private void compare(float[] reference, Map<String, Object> row) {
    float[] values = result();
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < values.length; i++) {
      largest = Math.max(largest, Math.abs(reference[i]));
      difference = Math.max(difference, Math.abs(values[i] - reference[i])); // keeps NaN
    }
    row.put("max_abs_diff", difference);
    row.put("max_rel_diff", difference == 0 ? 0 : difference / largest);
  }

  @Override
  public void close() {
    session.close();
  }
}
