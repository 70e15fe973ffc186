package dev.catena.onnx;

import dev.catena.error.GraphException;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Network;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * An ONNX model as a network with its weights. Thread-safe.
 *
 * <p>It has one input, whose first axis is the batch; opset 7 or newer. It is run for one of its
 * outputs or of the values inside. Files of the model are mapped into memory: nobody may shorten
 * them while the model is in use.
 */
public final class OnnxModel implements Network {
  private static final int MOST_AXES = 4;

  private final OnnxFile file;
  private final OnnxFile.Port input;
  private final String output;
  private final Map<String, Supplier<float[]>> numbers = new ConcurrentHashMap<>();
  private final OptionalInt classes;

  OnnxModel(OnnxFile whole, Optional<String> wanted) {
    if (whole.inputs().size() != 1) {
      List<String> names = whole.inputs().stream().map(OnnxFile.Port::name).toList();
      throw error(whole, "inputs", "one is wanted, there are " + names.size() + ": " + names);
    }
    if (whole.outputs().isEmpty()) {
      throw error(whole, "outputs", "there are none");
    }
    OnnxFile.Port given = whole.inputs().getFirst();
    input = new OnnxFile.Port(given.name(), given.type(), dims(whole, given));
    file = whole.withInput(input);
    output = wanted.orElse(file.outputs().getFirst().name());
    if (file.nodes().stream().noneMatch(node -> node.outputs().contains(output))) {
      List<String> names = file.outputs().stream().map(OnnxFile.Port::name).toList();
      throw error(
          "output '" + output + "'", "no operator makes it; the model's own outputs are " + names);
    }
    int axes = input.dims().size();
    if (axes < 1 || axes > MOST_AXES || !isReal(input.type())) {
      throw error(
          place(),
          "it has " + axes + " axes of ONNX's type " + input.type() + "; wanted are images");
    }
    if (axes > 1 && input.dims().get(1) == OnnxFile.Port.OPEN) {
      throw error(place(), "how many channels it has is open: " + input);
    }
    boolean sized = !input.dims().subList(1, axes).contains(OnnxFile.Port.OPEN);
    classes = sized ? OptionalInt.of(count()) : OptionalInt.empty();
  }

  private static boolean isReal(long type) {
    return Arrays.stream(OnnxTensor.Type.values()).anyMatch(t -> t.number == type && t.real());
  }

  /** Its extents; what the file leaves open as far as the first convolution tells it. */
  private static List<Integer> dims(OnnxFile file, OnnxFile.Port input) {
    List<Integer> dims = new ArrayList<>(input.dims());
    for (OnnxNode node : file.nodes()) {
      boolean first =
          node.operator().equals("Conv") && node.has(1) && node.inputs().contains(input.name());
      OnnxTensor filters = first ? file.tensors().get(node.inputs().get(1)) : null;
      if (filters != null && filters.dims().size() > 1) {
        while (input.dims().isEmpty() && dims.size() < filters.dims().size()) {
          dims.add(OnnxFile.Port.OPEN);
        }
        if (dims.size() > 1 && dims.get(1) == OnnxFile.Port.OPEN) {
          dims.set(1, channels(file, node, filters));
        }
      }
    }
    return dims;
  }

  private static int channels(OnnxFile file, OnnxNode node, OnnxTensor filters) {
    try {
      return Math.multiplyExact(filters.dims().get(1), node.integer("group", 1));
    } catch (ArithmeticException e) {
      throw error(file, "node '" + node.name() + "'", "its groups: " + e.getMessage());
    }
  }

  /** Numbers of one image's result. */
  private int count() {
    try {
      Graph graph = graph(1, DType.FP32);
      return Math.toIntExact(graph.outputs().getFirst().shape().elements());
    } catch (GraphException | ArithmeticException e) {
      throw error(place(), "it is " + input.dims() + ": " + e.getMessage());
    }
  }

  private String place() {
    return "input '" + input.name() + "'";
  }

  /**
   * Opens a model that is run for its first output.
   *
   * @throws ModelFormatException if it is none, or naming all of its operators that Catena does not
   *     have
   * @throws IOException if a file cannot be read
   */
  public static OnnxModel open(Path path) throws IOException {
    return new OnnxModel(OnnxFile.read(path), Optional.empty());
  }

  /**
   * Opens a model that is run for another value.
   *
   * @param output the name of any operator's output
   */
  public static OnnxModel open(Path path, String output) throws IOException {
    return new OnnxModel(OnnxFile.read(path), Optional.of(output));
  }

  /** Names of the operators that are understood. */
  public static List<String> operators() {
    return List.copyOf(Operators.BY_NAME.keySet());
  }

  /** The file's name. */
  @Override
  public String name() {
    return file.file().getFileName().toString();
  }

  @Override
  public int channels() {
    return input.dims().size() > 1 ? input.dims().get(1) : 1;
  }

  @Override
  public int axes() {
    return input.dims().size();
  }

  /**
   * The height that the file gives.
   *
   * @throws ModelFormatException if it leaves the size open
   */
  @Override
  public int imageSize() {
    if (input.dims().size() < MOST_AXES) {
      return 1;
    }
    requireSize(input.dims());
    return input.dims().get(2);
  }

  /**
   * Numbers of one image's result.
   *
   * @throws ModelFormatException if the file leaves the size of an image open
   */
  @Override
  public int classes() {
    return classes.orElseThrow(() -> open(input.dims()));
  }

  @Override
  public Graph graph(int batch, DType dtype) {
    return graph(batch, 0, 0, dtype);
  }

  @Override
  public Graph trainingGraph(int batch, DType dtype) {
    return graph(batch, dtype);
  }

  /**
   * The graph for images of a size.
   *
   * @param height in pixels, or 0 for that of the file
   * @param width likewise
   * @throws ModelFormatException naming all operators that the graph cannot say, or if the size is
   *     open or another one than the file's
   */
  @Override
  public Graph graph(int batch, int height, int width, DType dtype) {
    List<Integer> dims = new ArrayList<>(input.dims());
    dims.set(0, batch);
    int last = dims.size() - 1;
    if (last > 1) {
      dims.set(last, extent("width", dims.get(last), width));
    }
    if (last > 2) {
      dims.set(2, extent("height", dims.get(2), height));
    }
    requireSize(dims);
    return new GraphImport(file, output, name(), dtype, numbers::put).run(dims);
  }

  private int extent(String which, int ofFile, int wanted) {
    if (ofFile > 0 && wanted > 0 && ofFile != wanted) {
      throw error(place(), "it takes images of %s %d, not %d".formatted(which, ofFile, wanted));
    }
    return wanted > 0 ? wanted : ofFile;
  }

  private void requireSize(List<Integer> dims) {
    if (dims.subList(1, dims.size()).contains(OnnxFile.Port.OPEN)) {
      throw open(dims);
    }
  }

  private ModelFormatException open(List<Integer> dims) {
    return new ModelFormatException(
        file.file(),
        place(),
        "the size of its images is open: " + dims,
        "Give one: --size HxW, or Inference.image(height, width)");
  }

  /**
   * The numbers of a parameter of this model's graphs, in the order of its shape, rounded to fp32.
   *
   * @param parameter its name in a graph that this model made
   */
  public float[] values(String parameter) {
    Supplier<float[]> values = numbers.get(parameter);
    return values == null ? null : values.get();
  }

  private ModelFormatException error(String place, String reason) {
    return error(file, place, reason);
  }

  private static ModelFormatException error(OnnxFile file, String place, String reason) {
    return new ModelFormatException(
        file.file(), place, reason, "Export the model with one batch of images as its input");
  }
}
