package dev.catena.cli;

import dev.catena.Model;
import dev.catena.exec.Inference;
import dev.catena.plan.MemoryPlan;
import dev.catena.report.Table;
import dev.catena.rewrite.Variant;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Memory plans, without a device. */
@Command(
    name = "plan",
    description = "Plans the memory of every variant; no device is needed.",
    mixinStandardHelpOptions = true)
final class Plan implements Callable<Integer> {
  @Mixin private ModelArguments arguments;
  @Mixin private Output output;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "1",
      converter = Choices.AtLeastOne.class,
      description = "Images (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(names = "--report", description = "Also list the buffers that make each peak.")
  private boolean report;

  @Option(
      names = "--chart",
      paramLabel = "FILE.svg",
      description = "Draw each variant's memory over the steps, all on one scale.")
  private OutputFile chart;

  @Override
  public Integer call() throws IOException {
    Model model = arguments.model();
    Map<String, MemoryPlan> plans = new LinkedHashMap<>();
    try (ProgressBar progress = Progress.bar("planning", Variant.values().length)) {
      for (Variant variant : Variant.values()) {
        Inference options = Inference.batch(batch).dtype(arguments.dtype()).variant(variant);
        plans.put(variant.label(), model.plan(options).getFirst());
        progress.step();
      }
    }
    output.result(text(plans), result(model, plans));
    if (chart != null) {
      output.write(chart, PlanCharts.svg(plans));
    }
    return 0;
  }

  private String text(Map<String, MemoryPlan> plans) {
    long unfused = plans.get(Variant.UNFUSED.label()).peakBytes();
    Table table = new Table("variant", "planned", "lower bound", "weights", "of unfused");
    plans.forEach(
        (name, plan) ->
            table.row(
                name,
                Table.bytes(plan.peakBytes()),
                Table.bytes(plan.lowerBoundBytes()),
                Table.bytes(plan.weightBytes()),
                Table.number(
                    String.format(Locale.ROOT, "%.1f %%", 100.0 * plan.peakBytes() / unfused))));
    StringBuilder text = new StringBuilder(table.toString());
    if (report) {
      plans.forEach((name, plan) -> text.append('\n').append(name + ": " + plan.report()));
    }
    return text.toString();
  }

  private Map<String, Object> result(Model model, Map<String, MemoryPlan> plans) {
    List<Map<String, Object>> variants = new ArrayList<>();
    plans.forEach(
        (name, plan) -> {
          Map<String, Object> row = new LinkedHashMap<>();
          row.put("name", name);
          row.put("planned_bytes", plan.peakBytes());
          row.put("lower_bound_bytes", plan.lowerBoundBytes());
          row.put("weights_bytes", plan.weightBytes());
          row.put("steps", plan.steps().size());
          row.put("peak_step", plan.steps().get(plan.peakStep()).name());
          row.put("copies", plan.copies());
          variants.add(row);
        });
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("batch", batch);
    result.put("dtype", Choices.label(arguments.dtype()));
    result.put("variants", variants);
    return result;
  }
}
