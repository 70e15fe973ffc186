package dev.catena.cli;

import dev.catena.Model;
import dev.catena.device.Device;
import dev.catena.exec.Inference;
import dev.catena.exec.Session;
import dev.catena.graph.DType;
import dev.catena.io.Images;
import dev.catena.io.Labels;
import dev.catena.io.ModelFormatException;
import dev.catena.io.SafeTensors;
import dev.catena.io.SafeTensorsWriter;
import dev.catena.model.Network;
import dev.catena.rewrite.Variant;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Inference on pictures or tensors. */
@Command(
    name = "run",
    description = "Classifies pictures, or runs a tensor through the model.",
    mixinStandardHelpOptions = true)
final class Run implements Callable<Integer> {
  private static final int LARGEST_BATCH = 16;

  @Mixin private Common.ModelArguments arguments;
  @Mixin private Common.DeviceArguments where;

  @Parameters(index = "1..*", paramLabel = "IMAGE", description = "PNG or JPEG files.")
  private List<Path> pictures = List.of();

  @Option(
      names = "--weights",
      required = true,
      paramLabel = "FILE",
      description = "Weights, safetensors, torchvision's names.")
  private Path weights;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      description = "A safetensors file whose `input` is fp32 N,C,H,W, instead of pictures.")
  private Path input;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "Write the logits as `output` to this safetensors file.")
  private Path output;

  @Option(names = "--labels", paramLabel = "FILE", description = "Names of the classes.")
  private Optional<Path> labels;

  @Option(
      names = "--top",
      paramLabel = "K",
      defaultValue = "5",
      description = "Classes to print for each picture (default: ${DEFAULT-VALUE}).")
  private int top;

  @Option(
      names = "--variant",
      paramLabel = "NAME",
      defaultValue = "fused",
      description = "unfused, in-place or fused (default: ${DEFAULT-VALUE}).")
  private String variant;

  @Option(names = "--json", paramLabel = "FILE|-", description = "Write JSON instead of text.")
  private String json;

  @Override
  public Integer call() throws IOException {
    Common.positive("--top", top);
    if (pictures.isEmpty() == (input == null)) {
      throw new UserException(
          "give either pictures or --input, for example: run densenet121"
              + " --weights w.safetensors photo.jpg");
    }
    if (input != null && output == null && json == null) {
      throw new UserException("--input needs --output or --json for the result");
    }
    List<String> names = labels.isPresent() ? Labels.read(labels.get()) : List.of();
    try (Arena arena = Arena.ofShared();
        Model model = arguments.model(Optional.of(weights), 0)) {
      Network network = model.network();
      if (!names.isEmpty() && names.size() != network.classes()) {
        throw new UserException(
            "%s names %d classes, %s has %d"
                .formatted(labels.get(), names.size(), network.name(), network.classes()));
      }
      Batch batch = input == null ? pictures(network, arena) : tensor(network, arena);
      float[] logits = compute(model, batch);
      if (output != null) {
        new SafeTensorsWriter()
            .add("output", DType.FP32, new long[] {batch.count, network.classes()}, logits)
            .write(output);
      }
      report(network, batch, logits, names);
      return 0;
    }
  }

  private record Batch(MemorySegment images, int count, int height, int width) {}

  private Batch pictures(Network network, Arena arena) throws IOException {
    int size = network.imageSize();
    long bytes = (long) network.channels() * size * size * Float.BYTES;
    MemorySegment images = arena.allocate(bytes * pictures.size(), 64);
    for (int i = 0; i < pictures.size(); i++) {
      Images.imagenet(
          Images.read(pictures.get(i)), size * 8 / 7, size, images.asSlice(i * bytes, bytes));
    }
    return new Batch(images, pictures.size(), size, size);
  }

  private Batch tensor(Network network, Arena arena) throws IOException {
    try (SafeTensors file = SafeTensors.open(input)) {
      if (!file.tensors().containsKey("input")) {
        throw new ModelFormatException(
            input,
            "",
            "has no tensor named input, only " + file.tensors().keySet(),
            "Save the images as `input`, fp32 N,C,H,W.");
      }
      long[] shape = file.tensor("input").shape();
      boolean fits =
          shape.length == 4
              && shape[1] == network.channels()
              && IntStream.of(0, 2, 3).allMatch(i -> shape[i] >= 1 && shape[i] <= 1 << 20);
      if (!fits) {
        throw new ModelFormatException(
            input,
            "tensor 'input'",
            "has the shape " + Arrays.toString(shape),
            "%s takes N,%d,H,W.".formatted(network.name(), network.channels()));
      }
      MemorySegment images = arena.allocate(file.tensor("input").elements() * Float.BYTES, 64);
      file.floats("input", images);
      return new Batch(images, (int) shape[0], (int) shape[2], (int) shape[3]);
    }
  }

  private float[] compute(Model model, Batch batch) {
    int step = Math.min(batch.count, LARGEST_BATCH);
    Inference options =
        Inference.batch(step)
            .dtype(arguments.dtype())
            .image(batch.height, batch.width)
            .variant(variant());
    try (Device device = where.open();
        ProgressBar progress = Progress.bar("running", batch.count);
        Session session = model.compile(device, where.apply(options));
        Arena arena = Arena.ofConfined()) {
      long imageBytes = session.image().elements() * Float.BYTES;
      long rowBytes = (long) session.resultSize() * Float.BYTES;
      MemorySegment logits = arena.allocate(batch.count * rowBytes, 64);
      for (int first = 0; first < batch.count; first += step) {
        int count = Math.min(step, batch.count - first);
        session.run(
            batch.images.asSlice(first * imageBytes, count * imageBytes),
            logits.asSlice(first * rowBytes, count * rowBytes));
        progress.stepBy(count);
      }
      return logits.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private Variant variant() {
    for (Variant candidate : Variant.values()) {
      if (candidate.label().equals(variant)) {
        return candidate;
      }
    }
    throw new UserException(
        "there is no variant " + variant + "; there are unfused, in-place, fused");
  }

  private void report(Network network, Batch batch, float[] logits, List<String> names)
      throws IOException {
    List<Object> all = new ArrayList<>();
    for (int i = 0; i < batch.count; i++) {
      int first = i * network.classes();
      float[] row = Arrays.copyOfRange(logits, first, first + network.classes());
      List<Map<String, Object>> best = best(row, names);
      String label = input == null ? pictures.get(i).toString() : "image " + i;
      if (json == null && input == null) {
        System.out.println(label);
        for (Map<String, Object> one : best) {
          System.out.printf(
              Locale.ROOT,
              "  %6.2f %%  %s%n",
              100 * (double) one.get("probability"),
              one.get("label"));
        }
      }
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("image", label);
      entry.put("top", best);
      all.add(entry);
    }
    if (json != null) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("model", network.name());
      result.put("images", all);
      Json.write(json, result);
    }
  }

  /** The classes with the largest softmax probabilities. */
  private List<Map<String, Object>> best(float[] logits, List<String> names) {
    double largest = IntStream.range(0, logits.length).mapToDouble(i -> logits[i]).max().orElse(0);
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - largest);
    }
    double total = sum;
    return IntStream.range(0, logits.length)
        .boxed()
        .sorted((a, b) -> Float.compare(logits[b], logits[a]))
        .limit(top)
        .map(
            index -> {
              Map<String, Object> one = new LinkedHashMap<>();
              one.put("class", index);
              one.put("label", names.isEmpty() ? "class " + index : names.get(index));
              one.put("logit", logits[index]);
              one.put("probability", Math.exp(logits[index] - largest) / total);
              return one;
            })
        .toList();
  }
}
