package dev.catena.network;

import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Sets of tensors by name, and how far they are apart. */
final class Tensors {
  private Tensors() {}

  /** ‖a − b‖ / ‖b‖ over all tensors of b but running statistics. */
  static double error(Map<String, double[]> a, Map<String, double[]> b) {
    double difference = 0;
    double norm = 0;
    for (var tensor : b.entrySet()) {
      double[] other = a.get(tensor.getKey());
      for (int i = 0; i < other.length && !tensor.getKey().contains("running"); i++) {
        difference += Math.pow(other[i] - tensor.getValue()[i], 2);
        norm += Math.pow(tensor.getValue()[i], 2);
      }
    }
    return Math.sqrt(difference / norm);
  }

  static Map<String, double[]> only(Map<String, double[]> tensors, String name) {
    return Map.of(name, tensors.get(name));
  }

  static Map<String, double[]> minus(Map<String, double[]> a, Map<String, double[]> b) {
    Map<String, double[]> result = new HashMap<>();
    a.forEach(
        (name, values) -> {
          double[] difference = values.clone();
          for (int i = 0; i < difference.length; i++) {
            difference[i] -= b.get(name)[i];
          }
          result.put(name, difference);
        });
    return result;
  }

  static Map<String, double[]> wide(Map<String, float[]> tensors) {
    Map<String, double[]> result = new HashMap<>();
    tensors.forEach(
        (name, values) -> {
          double[] doubles = new double[values.length];
          for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i];
          }
          result.put(name, doubles);
        });
    return result;
  }

  /** The tensors of a file of the oracle, F32 or F64. */
  static Map<String, double[]> of(Path folder, String file) throws IOException {
    Map<String, double[]> result = new HashMap<>();
    try (SafeTensors tensors = SafeTensors.open(folder.resolve(file + ".safetensors"))) {
      for (SafeTensors.Tensor tensor : tensors.tensors().values()) {
        boolean wide = tensor.dtype().equals("F64");
        MemorySegment bytes = tensors.segment(tensor.name());
        double[] values = new double[(int) tensor.elements()];
        for (int i = 0; i < values.length; i++) {
          values[i] =
              wide
                  ? bytes.getAtIndex(ValueLayout.JAVA_DOUBLE_UNALIGNED, i)
                  : bytes.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
        }
        result.put(tensor.name(), values);
      }
    }
    return result;
  }
}
