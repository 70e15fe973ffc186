package dev.catena;

import dev.catena.error.ModelFormatException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Shape;
import dev.catena.io.SafeTensors;
import dev.catena.io.SafeTensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * All that a training run needs to go on to the same bits, with the same choice of engines ({@link
 * Training#tuned}): a safetensors file of the parameters, running statistics included, and of the
 * optimiser's momentum, named {@code optimizer.momentum.…}. It is a file of weights for inference
 * too.
 *
 * @param parameters by name, in the checkpoint's order
 * @param momentum of each parameter that a gradient changes, by name
 * @param steps made so far; with the settings' seed they say where all random numbers stand
 * @param lossScale of fp16
 * @param settings of the run, as the one who made it wants them back
 */
@SuppressWarnings("ArrayRecordComponent") // Compared by nobody.
record Checkpoint(
    Map<String, float[]> parameters,
    Map<String, float[]> momentum,
    long steps,
    float lossScale,
    Map<String, String> settings) {
  /** Begins the names of tensors that are the optimiser's and no weights. */
  static final String OPTIMIZER = "optimizer.";

  private static final String MOMENTUM = OPTIMIZER + "momentum.";
  private static final String MODEL = "catena.model";
  private static final String STEPS = "catena.steps";
  private static final String LOSS_SCALE = "catena.loss_scale";
  private static final String SETTING = "catena.setting.";

  /**
   * Writes the file, all or nothing: whatever goes wrong, a file that was there stays as it was.
   *
   * @param network whose checkpoint it is
   * @throws IOException naming the file if it cannot be written, as on a full disk
   */
  void write(Path file, Graph network) throws IOException {
    SafeTensorsWriter writer = new SafeTensorsWriter();
    writer.metadata(MODEL, network.name());
    writer.metadata(STEPS, Long.toString(steps));
    writer.metadata(LOSS_SCALE, Float.toString(lossScale));
    settings.forEach((key, value) -> writer.metadata(SETTING + key, value));
    for (Node node : network.parameters()) {
      writer.add(node.name(), DType.FP32, shape(node), parameters.get(node.name()));
    }
    for (Node node : network.trainable()) {
      writer.add(MOMENTUM + node.name(), DType.FP32, shape(node), momentum.get(node.name()));
    }
    writer.write(file);
  }

  /**
   * Reads a checkpoint of {@code network}.
   *
   * @throws IOException if the file cannot be read
   * @throws ModelFormatException if it is damaged, no checkpoint, or another network's
   */
  static Checkpoint read(Path file, Graph network) throws IOException {
    try (SafeTensors tensors = SafeTensors.open(file)) {
      Map<String, String> texts = tensors.metadata();
      if (!texts.containsKey(MODEL)) {
        throw new ModelFormatException(
            file, "metadata", "is no checkpoint", "Give a file of weights as weights.");
      } else if (!texts.get(MODEL).equals(network.name())) {
        throw new ModelFormatException(
            file,
            "metadata",
            "is a checkpoint of %s, not of %s".formatted(texts.get(MODEL), network.name()),
            "Name its model, or give another file.");
      }
      Map<String, float[]> parameters = values(tensors, "", network.parameters());
      Map<String, float[]> momentum = values(tensors, MOMENTUM, network.trainable());
      List<String> unknown = new ArrayList<>(tensors.tensors().keySet());
      unknown.removeAll(parameters.keySet());
      momentum.keySet().forEach(name -> unknown.remove(MOMENTUM + name));
      if (!unknown.isEmpty()) {
        throw new ModelFormatException(
            file, "", network.name() + " has no " + unknown, "Write the checkpoint again.");
      }
      Map<String, String> settings = new LinkedHashMap<>();
      texts.forEach(
          (key, value) -> {
            if (key.startsWith(SETTING)) {
              settings.put(key.substring(SETTING.length()), value);
            }
          });
      long steps = (long) number(file, texts, STEPS);
      return new Checkpoint(
          parameters, momentum, steps, (float) number(file, texts, LOSS_SCALE), settings);
    }
  }

  private static Map<String, float[]> values(SafeTensors file, String prefix, List<Node> nodes) {
    Map<String, float[]> values = new LinkedHashMap<>();
    for (Node node : nodes) {
      SafeTensors.Tensor tensor = file.tensor(prefix + node.name());
      if (!tensor.dtype().equals("F32") || !Arrays.equals(tensor.shape(), shape(node))) {
        throw new ModelFormatException(
            file.file(),
            "tensor '" + tensor.name() + "'",
            "is %s, not F32%s".formatted(tensor, node.output().shape()),
            "The file is another network's, or was changed.");
      }
      values.put(node.name(), file.floats(tensor.name()));
    }
    return values;
  }

  private static double number(Path file, Map<String, String> texts, String key) {
    try {
      double number = Double.parseDouble(texts.getOrDefault(key, "missing"));
      if (number >= 0 && number <= 0x1p48) {
        return number;
      }
    } catch (NumberFormatException _) {
      // Said below.
    }
    throw new ModelFormatException(
        file, "metadata", key + " is " + texts.get(key), "The file was changed: take another.");
  }

  private static long[] shape(Node node) {
    Shape shape = node.output().shape();
    return shape.dims().stream().mapToLong(Integer::longValue).toArray();
  }
}
