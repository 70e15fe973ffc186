package dev.catena.plan;

import java.util.Comparator;
import java.util.Locale;

/** A memory plan in words. */
final class PlanReport {
  private static final double MIB = 1 << 20;

  private PlanReport() {}

  static String text(MemoryPlan plan) {
    StringBuilder text = new StringBuilder();
    int peak = plan.peakStep();
    line(
        text,
        "%s: %.2f MiB planned, %.2f MiB lower bound, %.2f MiB weights, %d steps",
        plan.graph().name(),
        plan.peakBytes() / MIB,
        plan.lowerBoundBytes() / MIB,
        plan.weightBytes() / MIB,
        plan.steps().size());
    line(text, "peak at step %d, %s:", peak, plan.steps().get(peak).name());
    plan.buffers().stream()
        .filter(b -> b.firstStep() <= peak && peak <= b.lastStep())
        .sorted(Comparator.comparingLong((Buffer b) -> -b.bytes()))
        .forEach(
            b ->
                line(
                    text,
                    "  %10.2f MiB  %-10s  steps %d to %d  %s",
                    b.bytes() / MIB,
                    b.owner().toString().toLowerCase(Locale.ROOT),
                    b.firstStep(),
                    b.lastStep(),
                    b.name()));
    plan.copies().forEach((node, why) -> line(text, "copy %s: %s", node, why));
    return text.toString();
  }

  private static void line(StringBuilder text, String format, Object... args) {
    text.append(String.format(Locale.ROOT, format, args)).append('\n');
  }
}
