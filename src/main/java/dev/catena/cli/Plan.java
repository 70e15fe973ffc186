package dev.catena.cli;

import dev.catena.exec.Inference;
import dev.catena.plan.MemoryPlan;
import dev.catena.rewrite.Variant;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Memory plans, without a device. */
@Command(
    name = "plan",
    description = "Plans the memory of every variant; no device is needed.",
    mixinStandardHelpOptions = true)
final class Plan implements Callable<Integer> {
  @Mixin private Common.ModelArguments arguments;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "1",
      description = "Images (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(names = "--json", paramLabel = "FILE|-", description = "Write JSON instead.")
  private String json;

  @Option(names = "--buffers", description = "Report the buffers that make each peak.")
  private boolean buffers;

  @Override
  public Integer call() throws IOException {
    Common.positive("--batch", batch);
    Map<Variant, MemoryPlan> plans = new EnumMap<>(Variant.class);
    for (Variant variant : Variant.values()) {
      Inference options = Inference.batch(batch).dtype(arguments.dtype()).variant(variant);
      plans.put(variant, arguments.model().plan(options).getFirst());
    }
    if (json != null) {
      Json.write(json, result(plans));
      return 0;
    }
    long unfused = plans.get(Variant.UNFUSED).peakBytes();
    System.out.printf(
        Locale.ROOT,
        "%-10s %14s %14s %14s %10s%n",
        "variant",
        "planned",
        "lower bound",
        "weights",
        "of unfused");
    for (Map.Entry<Variant, MemoryPlan> entry : plans.entrySet()) {
      MemoryPlan plan = entry.getValue();
      System.out.printf(
          Locale.ROOT,
          "%-10s %10.2f MiB %10.2f MiB %10.2f MiB %8.1f %%%n",
          entry.getKey().label(),
          mib(plan.peakBytes()),
          mib(plan.lowerBoundBytes()),
          mib(plan.weightBytes()),
          100.0 * plan.peakBytes() / unfused);
    }
    if (buffers) {
      plans.forEach(
          (variant, plan) -> System.out.print("\n" + variant.label() + ": " + plan.report()));
    }
    return 0;
  }

  private Map<String, Object> result(Map<Variant, MemoryPlan> plans) {
    List<Map<String, Object>> variants = new ArrayList<>();
    plans.forEach(
        (variant, plan) -> {
          Map<String, Object> row = new LinkedHashMap<>();
          row.put("name", variant.label());
          row.put("planned_bytes", plan.peakBytes());
          row.put("lower_bound_bytes", plan.lowerBoundBytes());
          row.put("weights_bytes", plan.weightBytes());
          row.put("steps", plan.steps().size());
          row.put("peak_step", plan.steps().get(plan.peakStep()).name());
          row.put("copies", plan.copies());
          variants.add(row);
        });
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", arguments.model().name());
    result.put("batch", batch);
    result.put("dtype", arguments.dtype().toString().toLowerCase(Locale.ROOT));
    result.put("variants", variants);
    return result;
  }

  private static double mib(long bytes) {
    return bytes / (double) (1 << 20);
  }
}
