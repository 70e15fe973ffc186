package dev.catena.report;

import dev.catena.StepTime;
import dev.catena.plan.Buffer;
import dev.catena.plan.MemoryPlan;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * One variant of a network in a report.
 *
 * @param plan its arena
 * @param resident bytes that stay on the device between runs, by owner: {@code parameters}, {@code
 *     optimizer}, {@code parameter_gradients}
 * @param layers their times; empty where none were measured
 */
public record ReportedVariant(
    String name, MemoryPlan plan, Map<String, Long> resident, List<StepTime> layers) {
  /** The owner of a buffer. */
  static String owner(Buffer buffer) {
    return buffer.owner().toString().toLowerCase(Locale.ROOT);
  }

  /** Bytes of the arena and of what stays on the device. */
  long wholeBytes() {
    return plan.peakBytes() + resident.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Bytes between the buffers when most are live. */
  long unusedBytes() {
    return plan.peakBytes() - plan.lowerBoundBytes();
  }

  /** Bytes on the device at each step, by owner. */
  Map<String, long[]> bytesByOwner() {
    Map<String, long[]> bytes = new TreeMap<>();
    int steps = plan.steps().size();
    for (Buffer buffer : plan.buffers()) {
      long[] live = bytes.computeIfAbsent(owner(buffer), _ -> new long[steps]);
      for (int step = buffer.firstStep(); step <= buffer.lastStep(); step++) {
        live[step] += buffer.bytes();
      }
    }
    resident.forEach(
        (owner, kept) -> Arrays.fill(bytes.computeIfAbsent(owner, _ -> new long[steps]), kept));
    return bytes;
  }

  double millis() {
    return layers.stream().mapToDouble(StepTime::millis).sum();
  }
}
