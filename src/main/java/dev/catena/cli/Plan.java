package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Policy;
import dev.catena.Training;
import dev.catena.Variant;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.TrainingPlan;
import dev.catena.plan.TrainingState;
import dev.catena.report.Table;
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
  @Mixin private ReportFile page;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "1",
      converter = Choices.AtLeastOne.class,
      description = "Images (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--train",
      description = "Plan a training step (SGD with momentum) under every policy.")
  private boolean train;

  @Option(names = "--buffers", description = "Also list the buffers that make each peak.")
  private boolean buffers;

  @Option(
      names = "--chart",
      paramLabel = "FILE.svg",
      description = "Draw each variant's memory over the steps, all on one scale.")
  private OutputFile chart;

  /** Of training; every policy's is the same. */
  private TrainingState state;

  @Override
  public Integer call() throws IOException {
    Model model = arguments.model();
    Map<String, MemoryPlan> plans = train ? trainingPlans(model) : inferencePlans(model);
    Map<String, Object> result = result(model, plans);
    output.result(text(plans), result);
    String title =
        "Plan of %s, batch %d, %s%s"
            .formatted(
                model.name(), batch, Choices.label(arguments.dtype()), train ? ", training" : "");
    page.write(output, title, verdict(plans), result, null, entries(plans));
    if (chart != null) {
      output.write(chart, PlanCharts.svg(plans));
    }
    return 0;
  }

  private Map<String, MemoryPlan> inferencePlans(Model model) {
    Map<String, MemoryPlan> plans = new LinkedHashMap<>();
    try (ProgressBar progress = Progress.bar("planning", Variant.values().length)) {
      for (Variant variant : Variant.values()) {
        Inference options = Inference.batch(batch).dtype(arguments.dtype()).variant(variant);
        plans.put(variant.label(), model.plan(options).getFirst());
        progress.step();
      }
    }
    return plans;
  }

  private Map<String, MemoryPlan> trainingPlans(Model model) {
    Map<String, MemoryPlan> plans = new LinkedHashMap<>();
    try (ProgressBar progress = Progress.bar("planning", Policy.values().length)) {
      for (Policy policy : Policy.values()) {
        Training options = Training.batch(batch).dtype(arguments.dtype()).policy(policy);
        TrainingPlan plan = model.plan(options);
        plans.put(policy.label(), plan.step());
        state = plan.state();
        progress.step();
      }
    }
    return plans;
  }

  private long weightBytes(MemoryPlan plan) {
    return train ? state.weightBytes() : plan.weightBytes();
  }

  private long allBytes(MemoryPlan plan) {
    return plan.peakBytes() + state.bytes();
  }

  private String text(Map<String, MemoryPlan> plans) {
    return train ? trainingText(plans) : inferenceText(plans);
  }

  private String trainingText(Map<String, MemoryPlan> plans) {
    long unfused = allBytes(plans.get(Policy.UNFUSED.label()));
    Table table =
        new Table(
            "policy", "planned", "lower bound", "weights", "optimizer", "in all", "of unfused");
    plans.forEach(
        (name, plan) ->
            table.row(
                name,
                Table.bytes(plan.peakBytes()),
                Table.bytes(plan.lowerBoundBytes()),
                Table.bytes(weightBytes(plan)),
                Table.bytes(state.optimizerBytes()),
                Table.bytes(allBytes(plan)),
                share(allBytes(plan), unfused)));
    return table + reports(plans);
  }

  private String inferenceText(Map<String, MemoryPlan> plans) {
    long unfused = plans.get(Variant.UNFUSED.label()).peakBytes();
    Table table = new Table("variant", "planned", "lower bound", "weights", "of unfused");
    plans.forEach(
        (name, plan) ->
            table.row(
                name,
                Table.bytes(plan.peakBytes()),
                Table.bytes(plan.lowerBoundBytes()),
                Table.bytes(weightBytes(plan)),
                share(plan.peakBytes(), unfused)));
    return table + reports(plans);
  }

  /** Each against the first, in a line; weights count where they are trained. */
  private List<String> verdict(Map<String, MemoryPlan> plans) {
    String first = plans.keySet().iterator().next();
    return plans.keySet().stream()
        .skip(1)
        .map(
            name ->
                "%s against %s: %s of the memory"
                    .formatted(
                        name, first, share(bytes(plans.get(name)), bytes(plans.get(first))).text()))
        .toList();
  }

  private long bytes(MemoryPlan plan) {
    return train ? allBytes(plan) : plan.peakBytes();
  }

  private List<ReportFile.Entry> entries(Map<String, MemoryPlan> plans) {
    List<ReportFile.Entry> entries = new ArrayList<>();
    plans.forEach(
        (name, plan) -> {
          Map<String, Long> resident =
              train ? ReportFile.resident(state) : Map.of("parameters", plan.weightBytes());
          entries.add(new ReportFile.Entry(name, plan, resident, List.of()));
        });
    return entries;
  }

  private static Table.Quantity share(long bytes, long of) {
    return Table.number(String.format(Locale.ROOT, "%.1f %%", 100.0 * bytes / of));
  }

  private String reports(Map<String, MemoryPlan> plans) {
    StringBuilder text = new StringBuilder();
    if (buffers) {
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
          row.put("weights_bytes", weightBytes(plan));
          if (train) {
            row.put("optimizer_bytes", state.optimizerBytes());
            row.put("total_bytes", allBytes(plan));
          }
          row.put("steps", plan.steps().size());
          row.put("peak_step", plan.steps().get(plan.peakStep()).name());
          row.put("copies", plan.copies());
          variants.add(row);
        });
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("batch", batch);
    result.put("dtype", Choices.label(arguments.dtype()));
    result.put("training", train);
    result.put("variants", variants);
    return result;
  }
}
