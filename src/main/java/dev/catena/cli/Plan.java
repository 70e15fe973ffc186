package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Policy;
import dev.catena.Training;
import dev.catena.Variant;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.TrainingPlan;
import dev.catena.plan.TrainingState;
import dev.catena.report.Figures;
import dev.catena.report.ReportedVariant;
import dev.catena.report.Table;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
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

  /** The state of training; the same for every policy. */
  private TrainingState state;

  private record Result(
      String model, int batch, String dtype, boolean training, List<Planned> variants) {}

  /** One variant; the optional components are those of training. */
  private record Planned(
      String name,
      long plannedBytes,
      long lowerBoundBytes,
      long weightsBytes,
      Optional<Long> optimizerBytes,
      Optional<Long> totalBytes,
      int steps,
      String peakStep,
      Map<String, String> copies) {
    /** The arena and the weights, with momentum and gradients in training. */
    long wholeBytes() {
      return totalBytes.orElse(plannedBytes + weightsBytes);
    }
  }

  @Override
  public Integer call() throws IOException {
    Model model = arguments.model();
    Map<String, MemoryPlan> plans = train ? trainingPlans(model) : inferencePlans(model);
    List<Planned> variants = new ArrayList<>();
    plans.forEach((name, plan) -> variants.add(planned(name, plan)));
    String dtype = Choices.label(arguments.dtype());
    Result result = new Result(model.name(), batch, dtype, train, variants);
    output.result(table(variants).text(output.width(), "lower bound") + reports(plans), result);
    String title =
        "Plan of %s, batch %d, %s%s"
            .formatted(model.name(), batch, dtype, train ? ", training" : "");
    page.write(output, title, verdict(variants), result, null, reported(plans));
    if (chart != null) {
      output.write(chart, Figures.arenas(plans));
    }
    return 0;
  }

  private Map<String, MemoryPlan> inferencePlans(Model model) {
    Map<String, MemoryPlan> plans = new LinkedHashMap<>();
    try (ProgressBar progress = Progress.bar("planning", Variant.values().length)) {
      for (Variant variant : Variant.values()) {
        Inference options = Inference.batch(batch).dtype(arguments.dtype()).variant(variant);
        plans.put(variant.label(), model.plan(options));
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

  private Planned planned(String name, MemoryPlan plan) {
    Optional<TrainingState> kept = Optional.ofNullable(state);
    return new Planned(
        name,
        plan.peakBytes(),
        plan.lowerBoundBytes(),
        train ? state.weightBytes() : plan.weightBytes(),
        kept.map(TrainingState::optimizerBytes),
        kept.map(s -> plan.peakBytes() + s.bytes()),
        plan.steps().size(),
        plan.steps().get(plan.peakStep()).name(),
        plan.copies());
  }

  private Table<Planned> table(List<Planned> variants) {
    Planned unfused = variants.getFirst();
    Table<Planned> table =
        Table.of(variants)
            .text(train ? "policy" : "variant", Planned::name)
            .bytes("planned", Planned::plannedBytes)
            .bytes("lower bound", Planned::lowerBoundBytes)
            .bytes("weights", Planned::weightsBytes);
    return train
        ? table
            .bytes("optimizer", p -> p.optimizerBytes().orElseThrow())
            .bytes("in all", Planned::wholeBytes)
            .number("of unfused", "%.1f %%", p -> 100.0 * p.wholeBytes() / unfused.wholeBytes())
        : table.number(
            "of unfused", "%.1f %%", p -> 100.0 * p.plannedBytes() / unfused.plannedBytes());
  }

  /** Each against the first, in a line. */
  private List<String> verdict(List<Planned> variants) {
    Planned first = variants.getFirst();
    return variants.stream()
        .skip(1)
        .map(
            p ->
                String.format(
                    Locale.ROOT,
                    "%s against %s: %.0f %% of the memory for activations, %.0f %% of all with %s",
                    p.name(),
                    first.name(),
                    100.0 * p.plannedBytes() / first.plannedBytes(),
                    100.0 * p.wholeBytes() / first.wholeBytes(),
                    train ? "weights, momentum and gradients" : "the weights"))
        .toList();
  }

  private List<ReportedVariant> reported(Map<String, MemoryPlan> plans) {
    List<ReportedVariant> reported = new ArrayList<>();
    plans.forEach(
        (name, plan) -> {
          Map<String, Long> resident =
              train ? ReportFile.resident(state) : Map.of("parameters", plan.weightBytes());
          reported.add(new ReportedVariant(name, plan, resident, List.of()));
        });
    return reported;
  }

  private String reports(Map<String, MemoryPlan> plans) {
    StringBuilder text = new StringBuilder();
    if (buffers) {
      plans.forEach((name, plan) -> text.append('\n').append(name + ": " + plan.report()));
    }
    return text.toString();
  }
}
