package dev.catena.cli;

import dev.catena.Model;
import dev.catena.device.Device;
import dev.catena.exec.Inference;
import dev.catena.exec.Session;
import dev.catena.graph.DType;
import dev.catena.graph.Shape;
import dev.catena.rewrite.Variant;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The main job: the variants side by side. */
@Command(
    name = "compare",
    description = {
      "Runs the model unfused, in-place and fused on the same images, checks that they agree, and"
          + " prints planned and measured bytes, time and launches."
    },
    mixinStandardHelpOptions = true)
final class Compare implements Callable<Integer> {
  private static final int LEAST_ROUNDS = 5;

  @Mixin private Common.ModelArguments arguments;
  @Mixin private Common.DeviceArguments where;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "8",
      description = "Images a run (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--variants",
      split = ",",
      paramLabel = "NAME",
      description = "Only these of unfused, in-place, fused.")
  private List<String> only;

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
      description = "Measure for about so long, at least 5 rounds (default: ${DEFAULT-VALUE}).")
  private double seconds;

  @Option(names = "--json", paramLabel = "FILE|-", description = "Write JSON instead of a table.")
  private String json;

  @Override
  public Integer call() throws IOException {
    Common.positive("--batch", batch);
    List<Variant> variants = variants();
    List<Contestant> contestants = new ArrayList<>();
    try (Device device = where.open();
        Arena arena = Arena.ofShared();
        Model model = arguments.model(weights, seed);
        ProgressBar progress = Progress.bar("compiling", variants.size())) {
      try {
        MemorySegment images = null;
        for (Variant variant : variants) {
          progress.setExtraMessage(variant.label());
          Inference options = Inference.batch(batch).dtype(arguments.dtype()).variant(variant);
          Session session = model.compile(device, where.apply(options));
          images = images == null ? images(arena, session.image()) : images;
          contestants.add(new Contestant(variant, session, images, arena));
          progress.step();
        }
        measure(contestants);
        boolean agree = report(model, device, contestants);
        return agree ? 0 : 1;
      } finally {
        contestants.forEach(Contestant::close);
      }
    }
  }

  private List<Variant> variants() {
    List<Variant> all = List.of(Variant.values());
    if (only == null) {
      return all;
    }
    List<String> labels = all.stream().map(Variant::label).toList();
    only.stream()
        .filter(name -> !labels.contains(name))
        .findFirst()
        .ifPresent(
            name -> {
              throw new UserException(
                  "there is no variant " + name + "; there are " + String.join(", ", labels));
            });
    return all.stream().filter(v -> only.contains(v.label())).toList();
  }

  /** Normally distributed pixels, as after the usual normalisation. */
  private MemorySegment images(Arena arena, Shape image) {
    long elements = batch * image.elements();
    MemorySegment images = arena.allocate(elements * Float.BYTES, 64);
    SplittableRandom random = new SplittableRandom(seed);
    for (long i = 0; i < elements; i++) {
      images.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return images;
  }

  /** Round robin, so that the machine's moods meet all variants alike. */
  private void measure(List<Contestant> contestants) {
    for (Contestant contestant : contestants) {
      contestant.run(); // warms up
    }
    long end = System.nanoTime() + (long) (seconds * 1e9);
    try (ProgressBar progress = Progress.bar("measuring", -1)) {
      for (int round = 0; round < LEAST_ROUNDS || System.nanoTime() < end; round++) {
        for (Contestant contestant : contestants) {
          contestant.measure();
        }
        progress.step();
      }
    }
  }

  private boolean report(Model model, Device device, List<Contestant> contestants)
      throws IOException {
    float[] reference = contestants.getFirst().result();
    boolean agree = true;
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Contestant contestant : contestants) {
      Map<String, Object> row = contestant.row(batch, reference);
      rows.add(row);
      double difference = (double) row.get("max_rel_diff");
      agree &= difference <= tolerance(arguments.dtype()); // false for NaN
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("batch", batch);
    result.put("dtype", arguments.dtype().toString().toLowerCase(Locale.ROOT));
    Map<String, Object> on = new LinkedHashMap<>();
    on.put("name", device.name());
    on.put("kind", device.kind().toString().toLowerCase(Locale.ROOT));
    on.put("threads", device.threads());
    result.put("device", on);
    result.put("agree", agree);
    result.put("variants", rows);
    if (json != null) {
      Json.write(json, result);
    } else {
      CompareTable.print(device, rows);
    }
    if (!agree) {
      System.err.printf(
          "catena: the variants differ by more than %.0e of the largest output%n",
          tolerance(arguments.dtype()));
    }
    return agree;
  }

  /** Of the largest output; rounding of the stored activations grows with depth. */
  private static double tolerance(DType dtype) {
    return switch (dtype) {
      case FP32 -> 1e-4;
      case FP16 -> 2e-2;
      case BF16 -> 1e-1;
    };
  }
}
