package dev.catena.cli;

import dev.catena.plan.Buffer;
import dev.catena.plan.MemoryPlan;
import dev.catena.report.MemoryChart;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Memory plans as pictures. */
final class PlanCharts {
  private PlanCharts() {}

  /** The plans one below the other on one scale, with their names as titles. */
  static String svg(Map<String, MemoryPlan> plans) {
    Map<String, List<MemoryChart.Block>> blocks = new LinkedHashMap<>();
    plans.forEach(
        (name, plan) ->
            blocks.put(
                plan.graph().name() + ", " + name,
                plan.buffers().stream().map(PlanCharts::block).toList()));
    return MemoryChart.svg(blocks);
  }

  private static MemoryChart.Block block(Buffer buffer) {
    return new MemoryChart.Block(
        buffer.name(),
        buffer.owner().toString().toLowerCase(Locale.ROOT),
        buffer.firstStep(),
        buffer.lastStep(),
        buffer.offset(),
        buffer.bytes());
  }
}
