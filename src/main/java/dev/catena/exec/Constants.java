package dev.catena.exec;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

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
    float[][] in =
        node.inputs().stream().map(input -> values(graph, input)).toArray(float[][]::new);
    return switch ((Op.OnParameters) node.op()) {
      case Op.Parameter _ -> given(node);
      case Op.Filled f -> filled(f);
      case Op.BnScale bn -> scale(in[0], in[1], bn.epsilon());
      case Op.BnShift _ -> shift(in[0], in[1], in[2]);
      case Op.ScaleFilters _ -> scaleFilters(in[0], in[1]);
      case Op.ScaleShiftBias _ -> affine(in[0], in[1], in[2]);
    };
  }

  private float[] given(Node parameter) {
    float[] values = parameters.values(parameter);
    if (values == null) {
      throw new ParameterException("there are no values of " + parameter.output());
    }
    return values;
  }

  private static float[] filled(Op.Filled f) {
    float[] values = new float[f.count()];
    Arrays.fill(values, f.value());
    return values;
  }

  private static float[] scale(float[] gamma, float[] variance, float epsilon) {
    float[] s = new float[gamma.length];
    for (int c = 0; c < s.length; c++) {
      s[c] = (float) (gamma[c] / Math.sqrt((double) variance[c] + epsilon));
    }
    return s;
  }

  private static float[] shift(float[] beta, float[] mean, float[] scale) {
    float[] t = new float[beta.length];
    for (int c = 0; c < t.length; c++) {
      t[c] = (float) (beta[c] - (double) scale[c] * mean[c]);
    }
    return t;
  }

  private static float[] scaleFilters(float[] filters, float[] scale) {
    float[] w = new float[filters.length];
    int each = filters.length / scale.length;
    for (int i = 0; i < w.length; i++) {
      w[i] = filters[i] * scale[i / each];
    }
    return w;
  }

  private static float[] affine(float[] bias, float[] scale, float[] shift) {
    float[] b = new float[bias.length];
    for (int c = 0; c < b.length; c++) {
      b[c] = (float) ((double) scale[c] * bias[c] + shift[c]);
    }
    return b;
  }
}
