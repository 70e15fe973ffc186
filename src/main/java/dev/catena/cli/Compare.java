package dev.catena.cli;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Policy;
import dev.catena.Training;
import dev.catena.Variant;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.graph.Shape;
import dev.catena.plan.MemoryPlan;
import dev.catena.report.Figures;
import dev.catena.report.ReportedVariant;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** The main job: the variants side by side. */
@Command(
    name = "compare",
    description = {
      "Runs the model unfused, in-place and fused on the same images, checks that they agree, and"
          + " prints planned and measured bytes, time and launches. With --train, training steps"
          + " under the four policies; their gradients must agree."
    },
    mixinStandardHelpOptions = true)
final class Compare implements Callable<Integer> {
  private static final int LEAST_ROUNDS = 5;
  private static final int LAYER_ROUNDS = 5;

  @ParentCommand private Main main;
  @Mixin private ModelArguments arguments;
  @Mixin private DeviceArguments where;
  @Mixin private Output output;
  @Mixin private ReportFile page;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "8",
      converter = Choices.AtLeastOne.class,
      description = "Images a run (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(names = "--train", description = "Compare training steps (SGD with momentum).")
  private boolean train;

  @Option(
      names = "--variants",
      split = ",",
      paramLabel = "NAME",
      defaultValue = "unfused,in-place,fused",
      description = "Those to compare; the first is the reference (default: ${DEFAULT-VALUE}).")
  private List<Variant> variants;

  @Option(
      names = "--policies",
      split = ",",
      paramLabel = "NAME",
      defaultValue = "unfused,in-place,fused,recompute",
      description = "Those to compare with --train, likewise (default: ${DEFAULT-VALUE}).")
  private List<Policy> policies;

  @Option(names = "--weights", paramLabel = "FILE", description = "Weights, safetensors.")
  private Optional<Path> weights;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Draws images, and weights without a file (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "6",
      converter = Choices.Positive.class,
      description = "Measure for about so long, at least 5 rounds (default: ${DEFAULT-VALUE}).")
  private double seconds;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      converter = Choices.AtLeastOne.class,
      description = "Measure so many rounds instead.")
  private Integer rounds;

  @Option(
      names = "--tolerance",
      paramLabel = "X",
      converter = Choices.NotNegative.class,
      description = "Of the largest output, how far variants may differ (default: by type).")
  private Double tolerance;

  @Option(
      names = "--chart",
      paramLabel = "FILE.svg",
      description = "Draw each variant's memory over the steps, all on one scale.")
  private OutputFile chart;

  private MemorySegment images;

  @Override
  public Integer call() throws IOException {
    List<ComparedVariant> compared = new ArrayList<>();
    try (Model model = arguments.model(weights, seed);
        Device device = where.open();
        Arena arena = Arena.ofShared()) {
      try {
        compile(model, device, arena, compared);
        measure(compared);
        return report(model, device, compared);
      } finally {
        compared.forEach(ComparedVariant::close);
      }
    }
  }

  private void compile(Model model, Device device, Arena arena, List<ComparedVariant> compared) {
    Map<String, Supplier<ComparedRun>> runs = new LinkedHashMap<>();
    if (train) {
      for (Policy policy : policies) {
        Training options = Training.batch(batch).dtype(arguments.dtype()).policy(policy);
        runs.put(
            policy.label(),
            () ->
                new ComparedTraining(
                    model.train(device, where.apply(options)), images(model, arena)));
      }
    } else {
      for (Variant variant : variants) {
        Inference options = Inference.batch(batch).dtype(arguments.dtype()).variant(variant);
        runs.put(
            variant.label(),
            () ->
                new ComparedInference(
                    model.compile(device, where.apply(options)), images(model, arena), arena));
      }
    }
    try (ProgressBar progress = Progress.bar("compiling", runs.size())) {
      runs.forEach(
          (name, run) -> {
            progress.setExtraMessage(name);
            long start = System.nanoTime();
            ComparedRun compiled = run.get();
            double millis = (System.nanoTime() - start) / 1e6;
            compared.add(new ComparedVariant(name, compiled, millis));
            progress.step();
          });
    }
  }

  /** One batch for all, drawn once it is known that a batch fits. */
  private MemorySegment images(Model model, Arena arena) {
    if (images == null) {
      Shape shape = model.network().graph(batch, arguments.dtype()).inputs().getFirst().shape();
      images = ComparedRun.images(shape.elements(), seed, arena);
    }
    return images;
  }

  /** Takes turns, so that a change of the machine's speed meets all variants alike. */
  private void measure(List<ComparedVariant> compared) {
    compared.forEach(variant -> variant.run().run()); // warms up
    long end = System.nanoTime() + (long) (seconds * 1e9);
    try (ProgressBar progress = Progress.bar("measuring", rounds == null ? -1 : rounds)) {
      for (int round = 0; isDue(round, end); round++) {
        compared.forEach(ComparedVariant::measure);
        progress.step();
      }
    }
  }

  private boolean isDue(int round, long end) {
    return rounds == null ? round < LEAST_ROUNDS || System.nanoTime() < end : round < rounds;
  }

  /** Measures the layers of each, one variant after the other. */
  private static List<ReportedVariant> reported(List<ComparedVariant> compared) {
    List<ReportedVariant> reported = new ArrayList<>();
    try (ProgressBar progress = Progress.bar("measuring layers", compared.size())) {
      for (ComparedVariant variant : compared) {
        reported.add(variant.reported(LAYER_ROUNDS));
        progress.step();
      }
    }
    return reported;
  }

  private int report(Model model, Device device, List<ComparedVariant> compared)
      throws IOException {
    float[] reference = compared.getFirst().run().result();
    boolean tf32 = where.tf32(arguments.dtype());
    boolean rounded = tf32 && device.kind() == Device.Kind.CUDA; // the host's tiles do not
    DType mantissa = rounded ? DType.FP16 : arguments.dtype(); // of as many bits as TF32's
    double usual = train ? Agreement.gradientTolerance(mantissa) : Agreement.tolerance(mantissa);
    double accepted = tolerance == null ? usual : tolerance;
    List<VariantResult> results = compared.stream().map(c -> c.result(reference)).toList();
    boolean agree = results.stream().allMatch(v -> v.agreement().within(accepted));
    Comparison result =
        new Comparison(
            model.name(),
            batch,
            Choices.label(arguments.dtype()),
            tf32,
            train,
            OnDevice.of(device),
            accepted,
            agree,
            results);
    if (main.verbose()) {
      for (ComparedVariant variant : compared) {
        variant.run().compiled().engines().forEach(s -> output.say(variant.name() + ", " + s));
      }
    }
    String title =
        "%s, batch %d, %s".formatted(model.name(), batch, where.precision(arguments.dtype()));
    output.result(result.text(title, device.describe(), output.width()), result);
    if (page.isWanted()) {
      String training = train ? ", training" : "";
      page.write(output, title + training, result.verdict(), result, device, reported(compared));
    }
    if (chart != null) {
      Map<String, MemoryPlan> plans = new LinkedHashMap<>();
      compared.forEach(c -> plans.put(c.name(), c.run().compiled().plan()));
      output.write(chart, Figures.arenas(plans));
    }
    if (!agree) {
      output.say(disagreement(compared, results, accepted));
    }
    return agree ? 0 : 1;
  }

  private String disagreement(
      List<ComparedVariant> compared, List<VariantResult> results, double accepted) {
    for (int i = 0; i < results.size(); i++) {
      if (Double.isNaN(results.get(i).agreement().maxRelDiff())) {
        return "overflow in %s: %s is the first step of %s whose output is not finite%s"
            .formatted(
                Choices.label(arguments.dtype()),
                compared.get(i).run().firstNonFinite().orElse("none"),
                compared.get(i).name(),
                arguments.dtype() == DType.FP16 ? "; --dtype bf16 has the range of fp32" : "");
      }
    }
    return "the variants' results differ by more than %.0e of the largest; see max diff"
        .formatted(accepted);
  }
}
