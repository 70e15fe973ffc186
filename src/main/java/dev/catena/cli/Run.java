package dev.catena.cli;

import dev.catena.Classification;
import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Session;
import dev.catena.Variant;
import dev.catena.WarmUp;
import dev.catena.device.Device;
import dev.catena.error.GraphException;
import dev.catena.graph.DType;
import dev.catena.graph.Network;
import dev.catena.io.Labels;
import dev.catena.io.SafeTensorsWriter;
import dev.catena.report.Json;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
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

  @Mixin private ModelArguments arguments;
  @Mixin private DeviceArguments where;
  @Mixin private Output output;

  @Parameters(index = "1..*", paramLabel = "IMAGE", description = "PNG or JPEG files.")
  private List<Path> pictures = List.of();

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description = "Weights, safetensors, torchvision's names; an ONNX model has its own.")
  private Optional<Path> weights;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      description = "A safetensors file whose `input` is N,C,H,W, instead of pictures.")
  private Path input;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "Write the logits as `output`, fp32 N,classes, to this safetensors file.")
  private OutputFile logitsFile;

  @Option(names = "--labels", paramLabel = "FILE", description = "Names of the classes.")
  private Optional<Path> labels;

  @Option(
      names = "--top",
      paramLabel = "K",
      defaultValue = "5",
      converter = Choices.AtLeastOne.class,
      description = "Classes to print for each picture (default: ${DEFAULT-VALUE}).")
  private int top;

  @Option(
      names = "--variant",
      paramLabel = "NAME",
      defaultValue = "fused",
      description = "unfused, in-place or fused (default: ${DEFAULT-VALUE}).")
  private Variant variant;

  private WarmUp warmUp;

  private record Result(String model, WarmUp warmUp, List<Classified> images) {}

  private record Classified(String image, List<Place> top) {}

  /** A class that was seen, for programs. */
  private record Place(
      @Json.Name("class") int index, String label, float logit, double probability) {
    static Place of(Classification seen) {
      return new Place(seen.label(), seen.name(), seen.logit(), seen.probability());
    }
  }

  @Override
  public Integer call() throws IOException {
    if (pictures.isEmpty() == (input == null)) {
      throw new UserException(
          "give either pictures or --input, for example: run densenet121 --weights w.safetensors"
              + " photo.jpg");
    }
    Path logitsPath = logitsFile == null ? null : logitsFile.requireOrdinary("--output");
    try (Arena arena = Arena.ofShared();
        Model model = arguments.modelWithWeights(weights)) {
      Network network = model.network();
      List<String> names = labels.isPresent() ? Labels.read(labels.get()) : List.of();
      InputImages images =
          input == null
              ? InputImages.pictures(pictures, model, arena)
              : InputImages.tensor(input, network, arena);
      float[] logits = compute(model, images, names);
      if (logitsPath != null) {
        new SafeTensorsWriter()
            .add(
                "output",
                DType.FP32,
                new long[] {images.count(), logits.length / images.count()},
                logits)
            .write(logitsPath);
      }
      report(network, images, logits, names);
      return 0;
    }
  }

  private void requireNames(List<String> names, Model model, int classes) {
    if (!names.isEmpty() && names.size() != classes) {
      throw new UserException(
          "%s names %d classes, %s has %d; give the labels that belong to the weights"
              .formatted(labels.orElseThrow(), names.size(), model.name(), classes));
    }
  }

  private float[] compute(Model model, InputImages images, List<String> names) {
    try (Device device = where.open();
        ProgressBar progress = Progress.bar("running", images.count());
        Session session = compile(model, images, device);
        Arena arena = Arena.ofConfined()) {
      requireNames(names, model, session.resultSize());
      warmUp = session.warmUp();
      long imageBytes = (long) session.imageSize() * Float.BYTES;
      long rowBytes = (long) session.resultSize() * Float.BYTES;
      MemorySegment logits = arena.allocate(images.count() * rowBytes, 64);
      for (int first = 0; first < images.count(); first += session.maxBatch()) {
        int count = Math.min(session.maxBatch(), images.count() - first);
        session.run(
            images.pixels().asSlice(first * imageBytes, count * imageBytes),
            logits.asSlice(first * rowBytes, count * rowBytes));
        progress.stepBy(count);
      }
      return logits.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private Session compile(Model model, InputImages images, Device device) {
    Inference options =
        Inference.batch(batches(images.count()))
            .dtype(arguments.dtype())
            .image(images.height(), images.width())
            .variant(variant);
    try {
      return model.compile(device, where.apply(options));
    } catch (GraphException e) {
      throw new UserException(
          "%s cannot take images of %d x %d, give larger ones: %s"
              .formatted(model.name(), images.height(), images.width(), e.getMessage()));
    }
  }

  /** Full batches and, where they leave some, a smaller one. */
  private static int[] batches(int images) {
    int rest = images % LARGEST_BATCH;
    if (images < LARGEST_BATCH) {
      return new int[] {images};
    }
    return rest == 0 ? new int[] {LARGEST_BATCH} : new int[] {rest, LARGEST_BATCH};
  }

  private void report(Network network, InputImages images, float[] logits, List<String> names)
      throws IOException {
    int classes = logits.length / images.count();
    StringBuilder text = new StringBuilder();
    List<Classified> all = new ArrayList<>();
    for (int i = 0; i < images.count(); i++) {
      int first = i * classes;
      List<Classification> best =
          Classification.best(Arrays.copyOfRange(logits, first, first + classes), top, names);
      text.append(images.names().get(i)).append('\n');
      best.forEach(place -> text.append("  ").append(place).append('\n'));
      all.add(new Classified(images.names().get(i), best.stream().map(Place::of).toList()));
    }
    output.result(text.toString(), new Result(network.name(), warmUp, all));
  }
}
