package dev.catena.exec;

import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Values of all that a graph computes from parameters alone: folded filters, scales and shifts. In
 * fp64 per element, rounded once to fp32. Thread-safe.
 */
final class Constants {
  private final Graph graph;
  private final Parameters parameters;
  private final Map<String, float[]> known = new ConcurrentHashMap<>();

  Constants(Graph graph, Parameters parameters) {
    this.graph = graph;
    this.parameters = parameters;
  }

  /** The values of {@code constant}, which the caller does not change. */
  float[] values(Value constant) {
    float[] values = known.get(constant.name());
    if (values == null) {
      values = compute(graph.producer(constant));
      known.put(constant.name(), values);
    }
    return values;
  }

  /** Gives the memory back; values are computed again when asked for. */
  void forget() {
    known.clear();
  }

  private float[] compute(Node node) {
    return switch ((Op.OnParameters) node.op()) {
      case Op.Parameter _ -> parameters.values(node);
      case Op.BnScale bn -> scale(in(node, 0), in(node, 1), bn.epsilon());
      case Op.BnShift _ -> shift(in(node, 0), in(node, 1), in(node, 2));
      case Op.ScaleFilters _ -> scaleFilters(in(node, 0), in(node, 1));
      case Op.ScaleShiftBias _ -> affine(in(node, 0), in(node, 1), in(node, 2));
    };
  }

  private float[] in(Node node, int index) {
    return values(node.input(index));
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
