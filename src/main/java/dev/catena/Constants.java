package dev.catena;

import dev.catena.error.ParameterException;
import dev.catena.graph.Evaluator;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;

/**
 * Values of all that graphs compute from parameters alone: folded filters, scales and shifts. In
 * fp64 per element, rounded once to fp32. Graphs of several batch sizes share them by name.
 * Thread-safe.
 */
final class Constants {
  private final Parameters parameters;
  private final Map<String, float[]> known = new ConcurrentHashMap<>();

  Constants(Parameters parameters) {
    this.parameters = parameters;
  }

  /**
   * The values of {@code constant}, which the caller does not change.
   *
   * @param graph that it belongs to
   * @throws ParameterException if the parameters do not give as many as its shape has
   */
  float[] values(Graph graph, Value constant) {
    float[] values = known.get(constant.name());
    if (values == null) {
      values = compute(graph, graph.producer(constant));
      known.put(constant.name(), values);
    }
    if (values.length != constant.shape().elements()) {
      throw new ParameterException(
          "%s is %s: %d values, not %d"
              .formatted(
                  constant.name(), constant.shape(), constant.shape().elements(), values.length));
    }
    return values;
  }

  private float[] compute(Graph graph, Node node) {
    if (node.op() instanceof Op.Parameter) {
      return given(node);
    }
    List<double[]> in = node.inputs().stream().map(input -> doubles(values(graph, input))).toList();
    double[] exact = Evaluator.run(node, in).results().getFirst();
    float[] rounded = new float[exact.length];
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] = (float) exact[i];
    }
    return rounded;
  }

  private static double[] doubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }

  private float[] given(Node parameter) {
    float[] values = parameters.values(parameter);
    if (values == null) {
      throw new ParameterException("there are no values of " + parameter.output());
    }
    return values;
  }
}
