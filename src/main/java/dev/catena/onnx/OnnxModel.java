package dev.catena.onnx;

import dev.catena.error.GraphException;
import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.model.Network;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * An ONNX model as a network with its weights. Thread-safe.
 *
 * <p>It has one input, whose first axis is the batch, and one output; opset 7 or newer. Files of
 * the model are mapped into memory: nobody may shorten them while the model is in use.
 */
public final class OnnxModel implements Network {
  private static final long FLOAT = OnnxTensor.Type.FLOAT.number;
  private static final int MOST_AXES = 4;

  private final OnnxFile file;
  private final OnnxFile.Port input;
  private final Map<String, Supplier<float[]>> numbers = new ConcurrentHashMap<>();
  private final int classes;

  OnnxModel(OnnxFile file) {
    this.file = file;
    requireOne("input", file.inputs());
    requireOne("output", file.outputs());
    input = file.inputs().getFirst();
    int axes = input.dims().size();
    if (axes < 1 || axes > MOST_AXES || input.type() != FLOAT) {
      throw error(
          "input '" + input.name() + "'",
          "it has "
              + axes
              + " axes of ONNX's type "
              + input.type()
              + "; wanted are images in fp32");
    }
    boolean sized = input.dims().stream().skip(1).allMatch(d -> d > 0);
    classes = sized ? count() : 0;
  }

  /** Numbers of one image's result. */
  private int count() {
    try {
      Graph graph = graph(1, DType.FP32);
      return Math.toIntExact(graph.outputs().getFirst().shape().elements());
    } catch (GraphException | ArithmeticException e) {
      throw error("input '" + input.name() + "'", "it is " + input.dims() + ": " + e.getMessage());
    }
  }

  /**
   * Opens a model.
   *
   * @throws ModelFormatException if it is none, or naming all of its operators that Catena does not
   *     have
   * @throws IOException if a file cannot be read
   */
  public static OnnxModel open(Path path) throws IOException {
    return new OnnxModel(OnnxFile.read(path));
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
    return input.dims().size() > 1 ? Math.max(1, input.dims().get(1)) : 1;
  }

  /** Height that the file gives; 0 if it leaves it open. */
  @Override
  public int imageSize() {
    return input.dims().size() == MOST_AXES ? input.dims().get(2) : 1;
  }

  /** Numbers of one image's result; 0 while the file leaves the image's size open. */
  @Override
  public int classes() {
    return classes;
  }

  @Override
  public Graph graph(int batch, DType dtype) {
    return graph(batch, 0, 0, dtype);
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
    if (dims.size() == MOST_AXES) {
      dims.set(2, extent("height", input.dims().get(2), height));
      dims.set(3, extent("width", input.dims().get(3), width));
    }
    if (dims.contains(0)) {
      throw error("input '" + input.name() + "'", "its size is open: " + input.dims());
    }
    return new GraphImport(file, name(), dtype, numbers::put).run(dims);
  }

  private int extent(String which, int ofFile, int wanted) {
    if (ofFile > 0 && wanted > 0 && ofFile != wanted) {
      throw error(
          "input '" + input.name() + "'",
          "it takes images of %s %d, not %d".formatted(which, ofFile, wanted));
    }
    return ofFile > 0 ? ofFile : wanted;
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

  private void requireOne(String what, List<OnnxFile.Port> ports) {
    if (ports.size() != 1) {
      throw error(
          what + "s",
          "one is wanted, there are "
              + ports.size()
              + ": "
              + ports.stream().map(OnnxFile.Port::name).toList());
    }
  }

  private ModelFormatException error(String place, String reason) {
    return new ModelFormatException(
        file.file(), place, reason, "Export the model with one batch of images of a fixed size");
  }
}
