package dev.catena.report;

import dev.catena.graph.Node;
import dev.catena.plan.Buffer;
import dev.catena.plan.MemoryPlan;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;

/** A memory plan as the numbers of a chart: who owns how many bytes at each step. */
public final class Schedule {
  private Schedule() {}

  /**
   * An object for JSON: {@code planned_bytes}, {@code lower_bound_bytes}, {@code peak_step}, {@code
   * steps} (names), {@code live_bytes} (by owner, a number a step) and {@code peak}: the buffers
   * that live at the peak, largest first. At the peak the owners' bytes add up to the lower bound;
   * what the arena has beyond it lies unused between buffers.
   */
  public static Map<String, Object> of(MemoryPlan plan) {
    Map<String, Object> schedule = new LinkedHashMap<>();
    schedule.put("planned_bytes", plan.peakBytes());
    schedule.put("lower_bound_bytes", plan.lowerBoundBytes());
    schedule.put("peak_step", plan.peakStep());
    schedule.put("steps", plan.steps().stream().map(Node::name).toList());
    schedule.put("live_bytes", live(plan));
    schedule.put("peak", peak(plan));
    return schedule;
  }

  private static Map<String, List<Long>> live(MemoryPlan plan) {
    Map<String, long[]> live = new TreeMap<>();
    for (Buffer buffer : plan.buffers()) {
      long[] steps = live.computeIfAbsent(owner(buffer), _ -> new long[plan.steps().size()]);
      for (int step = buffer.firstStep(); step <= buffer.lastStep(); step++) {
        steps[step] += buffer.bytes();
      }
    }
    Map<String, List<Long>> result = new LinkedHashMap<>();
    live.forEach((owner, bytes) -> result.put(owner, LongStream.of(bytes).boxed().toList()));
    return result;
  }

  private static List<Map<String, Object>> peak(MemoryPlan plan) {
    int peak = plan.peakStep();
    return plan.buffers().stream()
        .filter(b -> b.firstStep() <= peak && peak <= b.lastStep())
        .sorted(Comparator.comparingLong(Buffer::bytes).reversed())
        .map(Schedule::row)
        .toList();
  }

  private static Map<String, Object> row(Buffer buffer) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", buffer.name());
    row.put("owner", owner(buffer));
    row.put("bytes", buffer.bytes());
    row.put("first_step", buffer.firstStep());
    row.put("last_step", buffer.lastStep());
    return row;
  }

  private static String owner(Buffer buffer) {
    return buffer.owner().toString().toLowerCase(Locale.ROOT);
  }
}
