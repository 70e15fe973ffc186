package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Policy;
import dev.catena.Step;
import dev.catena.Training;
import dev.catena.Variant;
import dev.catena.conformance.Suite;
import dev.catena.device.Device;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The problems of a benchmark of kernels: those of a compiled model, or given ones. */
final class Problems {
  @Parameters(
      arity = "0..1",
      paramLabel = "MODEL",
      description = "A name that `models` lists, or an ONNX file, unless there are --problem.")
  private String name;

  @Option(
      names = "--problem",
      paramLabel = "LINE",
      description = "A problem as the conformance suite has it; may be repeated.")
  private List<String> lines = List.of();

  @Option(
      names = "--dtype",
      paramLabel = "fp32|bf16|fp16",
      defaultValue = "fp32",
      description = "Of the model, and of the matrix peak (default: ${DEFAULT-VALUE}).")
  private DType dtype;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "8",
      converter = Choices.AtLeastOne.class,
      description = "Images a run (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--variant",
      paramLabel = "NAME",
      defaultValue = "fused",
      description = "unfused, in-place or fused (default: ${DEFAULT-VALUE}).")
  private Variant variant;

  @Option(names = "--train", description = "The problems of a training step.")
  private boolean train;

  @Option(
      names = "--policy",
      paramLabel = "NAME",
      defaultValue = "fused",
      description =
          "Of training: unfused, in-place, fused or recompute (default: ${DEFAULT-VALUE}).")
  private Policy policy;

  DType dtype() {
    return dtype;
  }

  /** Refuses a command that names neither a model nor problems, or both. */
  void require() {
    if ((name == null) == lines.isEmpty()) {
      throw new UserException(
          "give either a model or --problem, for example: bench kernels densenet121 --dtype fp16");
    }
  }

  /** The problems, and how often a run solves each. */
  Map<Problem, Integer> of(Device device, DeviceArguments where) throws IOException {
    return name == null ? given(where) : compiled(device, where);
  }

  /** The request, for JSON; without a model only the type. */
  record Asked(
      Optional<String> model,
      Optional<Integer> batch,
      Optional<String> variant,
      Optional<String> policy,
      Optional<Boolean> train,
      String dtype) {}

  Asked asked() {
    Optional<String> model = Optional.ofNullable(name);
    return new Asked(
        model,
        model.map(_ -> batch),
        model.filter(_ -> !train).map(_ -> variant.label()),
        model.filter(_ -> train).map(_ -> policy.label()),
        model.map(_ -> train),
        Choices.label(dtype));
  }

  /** Those of the lines; {@code --tf32} allows it to all of them. */
  private Map<Problem, Integer> given(DeviceArguments where) {
    boolean tf32 = where.tf32(DType.FP32);
    Map<Problem, Integer> problems = new LinkedHashMap<>();
    for (String line : lines) {
      try {
        Suite.problem(line)
            .problems()
            .forEach(problem -> problems.put(problem.withTf32(tf32 || problem.tf32()), 1));
      } catch (IllegalArgumentException e) {
        throw new UserException("--problem \"" + line + "\": " + e.getMessage());
      }
    }
    return problems;
  }

  private Map<Problem, Integer> compiled(Device device, DeviceArguments where) throws IOException {
    Map<Problem, Integer> problems = new LinkedHashMap<>();
    try (Model model = ModelArguments.named(name);
        ProgressBar _ = Progress.bar("compiling", -1)) {
      for (Step step : steps(model, device, where)) {
        problems.merge(step.problem(), 1, Integer::sum);
      }
    }
    return problems;
  }

  private List<Step> steps(Model model, Device device, DeviceArguments where) {
    return train
        ? model.steps(device, where.apply(Training.batch(batch).dtype(dtype).policy(policy)))
        : model.steps(device, where.apply(Inference.batch(batch).dtype(dtype).variant(variant)));
  }
}
