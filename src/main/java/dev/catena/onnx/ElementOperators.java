package dev.catena.onnx;

import dev.catena.error.GraphException;
import dev.catena.graph.ElementFunction;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.DoubleUnaryOperator;

/** Element by element. A constant operand is one number, or one for each channel. */
final class ElementOperators {
  /** ONNX's bound that is none. */
  private static final float MOST = Float.MAX_VALUE;

  private ElementOperators() {}

  static Term relu(GraphImport graph, OnnxNode node) {
    return elementwise(graph, node, new Op.Relu());
  }

  static Term sigmoid(GraphImport graph, OnnxNode node) {
    return elementwise(graph, node, new Op.Sigmoid());
  }

  private static Term elementwise(GraphImport graph, OnnxNode node, Op op) {
    Term.Live x = graph.live(node, 0);
    return new Term.Live(graph.add(node, op, x.value()), x.dims());
  }

  static Term leakyRelu(GraphImport graph, OnnxNode node) {
    return unary(graph, node, ElementFunction.LEAKY_RELU, node.number("alpha", 0.01f), 0);
  }

  static Term elu(GraphImport graph, OnnxNode node) {
    return unary(graph, node, ElementFunction.ELU, node.number("alpha", 1), 0);
  }

  static Term hardSigmoid(GraphImport graph, OnnxNode node) {
    float a = node.number("alpha", 0.2f);
    return unary(graph, node, ElementFunction.HARD_SIGMOID, a, node.number("beta", 0.5f));
  }

  static Term gelu(GraphImport graph, OnnxNode node) {
    boolean tanh = node.text("approximate", "none").equals("tanh");
    return unary(graph, node, tanh ? ElementFunction.GELU_TANH : ElementFunction.GELU, 0, 0);
  }

  private static Term unary(
      GraphImport graph, OnnxNode node, ElementFunction function, float a, float b) {
    return elementwise(graph, node, new Op.Unary(function, a, b));
  }

  /** A function without parameters. */
  static BiFunction<GraphImport, OnnxNode, Term> function(ElementFunction function) {
    return (graph, node) -> unary(graph, node, function, 0, 0);
  }

  /**
   * An activation function as an operator.
   *
   * @param operator its name
   * @param attributes its parameters, where they are attributes
   * @param numbers its parameters, where they are inputs behind x
   */
  record Written(String operator, Map<String, Float> attributes, float... numbers) {
    private Written(String operator, float... numbers) {
      this(operator, Map.of(), numbers);
    }
  }

  static Written written(Op.Activation activation) {
    return switch (activation) {
      case Op.Relu _ -> new Written("Relu");
      case Op.Sigmoid _ -> new Written("Sigmoid");
      case Op.Unary u -> written(u);
      case Op.Clip c -> new Written("Clip", Math.max(c.min(), -MOST), Math.min(c.max(), MOST));
    };
  }

  private static Written written(Op.Unary u) {
    return switch (u.function()) {
      case LEAKY_RELU -> new Written("LeakyRelu", Map.of("alpha", u.a()));
      case ELU -> new Written("Elu", Map.of("alpha", u.a()));
      case HARD_SIGMOID -> new Written("HardSigmoid", Map.of("alpha", u.a(), "beta", u.b()));
      case HARD_SWISH -> new Written("HardSwish");
      case TANH -> new Written("Tanh");
      case EXP -> new Written("Exp");
      case SQRT -> new Written("Sqrt");
      case ABS -> new Written("Abs");
      case SILU -> throw new IllegalArgumentException("it is written as a sigmoid and a product");
      case GELU, GELU_TANH ->
          throw new GraphException("ONNX has no operator for " + u + " before opset 20");
    };
  }

  static Term negate(GraphImport graph, OnnxNode node) {
    return scale(graph, node, graph.live(node, 0), -1);
  }

  private static Term.Live scale(GraphImport graph, OnnxNode node, Term.Live x, float factor) {
    return new Term.Live(graph.add(node, new Op.Scale(factor), x.value()), x.dims());
  }

  /**
   * Bounds are attributes before opset 11 and inputs since then. Between 0 and infinity it is
   * max(0, x), without bounds x.
   */
  static Term clip(GraphImport graph, OnnxNode node) {
    float min = bound(graph, node, 1, "min", Float.NEGATIVE_INFINITY);
    float max = bound(graph, node, 2, "max", Float.POSITIVE_INFINITY);
    if (max == Float.POSITIVE_INFINITY && min == Float.NEGATIVE_INFINITY) {
      return graph.term(node, 0);
    }
    boolean relu = min == 0 && max == Float.POSITIVE_INFINITY;
    return elementwise(graph, node, relu ? new Op.Relu() : new Op.Clip(min, max));
  }

  /** ONNX's defaults are the largest numbers: no bound. */
  private static float bound(
      GraphImport graph, OnnxNode node, int index, String attribute, float none) {
    float bound = node.number(attribute, none);
    if (node.has(index)) {
      OnnxTensor given = graph.known(node, index);
      if (given.elements() != 1) {
        throw new Unsupported("its " + attribute + " is " + given.dims() + ", not one number");
      }
      bound = given.floats()[0];
    }
    return Math.abs(bound) >= Float.MAX_VALUE && bound * none > 0 ? none : bound;
  }

  static Term mean(GraphImport graph, OnnxNode node) {
    int count = node.inputs().size();
    return count > 1 && sum(graph, node) instanceof Term.Live sum
        ? scale(graph, node, sum, 1f / count)
        : graph.term(node, 0);
  }

  static Term sum(GraphImport graph, OnnxNode node) {
    Term sum = graph.term(node, 0);
    for (int i = 1; i < node.inputs().size(); i++) {
      sum = add(graph, node, sum, graph.term(node, i));
    }
    return sum;
  }

  static Term add(GraphImport graph, OnnxNode node) {
    return add(graph, node, graph.term(node, 0), graph.term(node, 1));
  }

  private static Term add(GraphImport graph, OnnxNode node, Term a, Term b) {
    if (a instanceof Term.Live x && b instanceof Term.Live y) {
      if (!x.dims().equals(y.dims()) || !x.value().shape().equals(y.value().shape())) {
        throw new Unsupported("it adds " + y.dims() + " to " + x.dims());
      }
      Value sum = graph.add(node, new Op.Add(false), x.value(), y.value());
      return new Term.Live(sum, x.dims());
    }
    if (a instanceof Term.Live x && b instanceof Term.Known c) {
      return affine(graph, node, x, c.tensor(), ElementOperators::one, v -> v);
    }
    if (a instanceof Term.Known c && b instanceof Term.Live x) {
      return affine(graph, node, x, c.tensor(), ElementOperators::one, v -> v);
    }
    throw new Unsupported("it adds constants");
  }

  static Term subtract(GraphImport graph, OnnxNode node) {
    if (graph.term(node, 0) instanceof Term.Live x && graph.term(node, 1) instanceof Term.Live y) {
      return add(graph, node, x, scale(graph, node, y, -1));
    }
    return graph.term(node, 0) instanceof Term.Known c
        ? affine(graph, node, graph.live(node, 1), c.tensor(), _ -> -1, v -> v)
        : affine(
            graph, node, graph.live(node, 0), graph.known(node, 1), ElementOperators::one, v -> -v);
  }

  static Term multiply(GraphImport graph, OnnxNode node) {
    if (graph.term(node, 0) instanceof Term.Live x && graph.term(node, 1) instanceof Term.Live y) {
      boolean gated = graph.isSigmoid(y.value(), x.value());
      if (gated || graph.isSigmoid(x.value(), y.value())) {
        Op silu = new Op.Unary(ElementFunction.SILU, 0, 0);
        return new Term.Live(graph.add(node, silu, gated ? x.value() : y.value()), x.dims());
      }
      return isGate(y, x) ? gate(graph, node, x, y) : gate(graph, node, y, x);
    }
    return graph.term(node, 0) instanceof Term.Known c
        ? affine(graph, node, graph.live(node, 1), c.tensor(), v -> v, ElementOperators::zero)
        : affine(
            graph, node, graph.live(node, 0), graph.known(node, 1), v -> v, ElementOperators::zero);
  }

  /** Whether g has one number for each channel of an image of x. */
  private static boolean isGate(Term.Live g, Term.Live x) {
    Shape image = x.value().shape();
    Shape gate = Shape.nhwc(image.n(), 1, 1, image.c());
    return g.aligned()
        && x.aligned()
        && g.dims().size() == x.dims().size()
        && g.value().shape().equals(gate);
  }

  private static Term gate(GraphImport graph, OnnxNode node, Term.Live x, Term.Live g) {
    if (!isGate(g, x)) {
      throw new Unsupported("it multiplies " + x.dims() + " by " + g.dims());
    }
    return x.made(graph.add(node, Op.ScaleChannels.PLAIN, x.value(), g.value()));
  }

  static Term divide(GraphImport graph, OnnxNode node) {
    return affine(
        graph, node, graph.live(node, 0), graph.known(node, 1), v -> 1 / v, ElementOperators::zero);
  }

  private static double one(double any) {
    return 1;
  }

  private static double zero(double any) {
    return 0;
  }

  /** scale(c)·x + shift(c). */
  private static Term affine(
      GraphImport graph,
      OnnxNode node,
      Term.Live x,
      OnnxTensor c,
      DoubleUnaryOperator scale,
      DoubleUnaryOperator shift) {
    if (node.hasAttribute("axis")) {
      throw new Unsupported("it says along which axis, as operators before opset 7 do");
    }
    int channels = x.value().shape().c();
    if (!c.type().real() || !perChannel(x, c)) {
      throw new Unsupported(
          "its constant %s is not one number for each channel of %s".formatted(c.dims(), x.dims()));
    }
    if (c.elements() == 1 && shift.applyAsDouble(1) == 0) {
      return scale(graph, node, x, (float) scale.applyAsDouble(c.numbers()[0]));
    }
    Shape vector = Shape.of(channels);
    Value s = graph.parameter(node.name() + ".scale", vector, () -> vector(c, channels, scale));
    Value t = graph.parameter(node.name() + ".shift", vector, () -> vector(c, channels, shift));
    return new Term.Live(graph.add(node, new Op.ScaleShift(false), x.value(), s, t), x.dims());
  }

  /** Numpy's rule: extents are set against each other from the last. */
  private static boolean perChannel(Term.Live x, OnnxTensor c) {
    if (c.elements() == 1) {
      return c.dims().size() <= x.dims().size();
    }
    List<Integer> dims = c.dims();
    int fromEnd = x.dims().size() - 1;
    return x.aligned()
        && dims.size() <= x.dims().size()
        && c.elements() == x.value().shape().c()
        && dims.size() >= fromEnd
        && dims.get(dims.size() - fromEnd) == c.elements();
  }

  private static float[] vector(OnnxTensor c, int channels, DoubleUnaryOperator f) {
    float[] values = c.floats();
    float[] vector = new float[channels];
    for (int i = 0; i < channels; i++) {
      vector[i] = (float) f.applyAsDouble(values[values.length == 1 ? 0 : i]);
    }
    return vector;
  }
}
