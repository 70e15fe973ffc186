package dev.catena.onnx;

import dev.catena.error.GraphException;
import dev.catena.graph.BinaryFunction;
import dev.catena.graph.ElementFunction;
import dev.catena.graph.Op;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** Element by element. */
final class ElementOperators {
  /** ONNX's bound that is none. */
  private static final float MOST = Float.MAX_VALUE;

  private static final double ROOT = Math.sqrt(2);

  private ElementOperators() {}

  static Term relu(GraphImport graph, OnnxNode node) {
    return elementwise(graph, node, new Op.Relu());
  }

  static Term sigmoid(GraphImport graph, OnnxNode node) {
    return elementwise(graph, node, new Op.Sigmoid());
  }

  private static Term elementwise(GraphImport graph, OnnxNode node, Op op) {
    return elementwise(graph, node, graph.term(node, 0), op);
  }

  /** On all elements where they are. */
  private static Term elementwise(GraphImport graph, OnnxNode node, Term given, Op op) {
    Term.Walked x = Arrangement.whole(graph, node, given);
    return x.made(graph.add(node, op, x.value()));
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
      case ERF -> new Written("Erf");
      case LOG -> new Written("Log");
      case RECIPROCAL -> new Written("Reciprocal");
      case SOFTPLUS -> new Written("Softplus");
      case SILU -> throw new IllegalArgumentException("it is written as a sigmoid and a product");
      case GELU, GELU_TANH ->
          throw new GraphException("ONNX has no operator for " + u + " before opset 20");
    };
  }

  static Term negate(GraphImport graph, OnnxNode node) {
    return elementwise(graph, node, new Op.Scale(-1));
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
    Term sum = sum(graph, node);
    return count > 1 ? elementwise(graph, node, sum, new Op.Scale(1f / count)) : sum;
  }

  static Term sum(GraphImport graph, OnnxNode node) {
    return all(BinaryFunction.SUM).apply(graph, node);
  }

  /** A function of all inputs, from the first on. */
  static BiFunction<GraphImport, OnnxNode, Term> all(BinaryFunction function) {
    return (graph, node) -> {
      Term made = graph.term(node, 0);
      for (int i = 1; i < node.inputs().size(); i++) {
        made = BinaryOperators.apply(graph, node, function, made, graph.term(node, i));
      }
      return made;
    };
  }

  /** By a constant power of 2 a product, of 1/2 a square root. */
  static Term power(GraphImport graph, OnnxNode node) {
    Term x = graph.term(node, 0);
    if (graph.term(node, 1) instanceof Term.Known c && c.tensor().elements() == 1) {
      double exponent = c.tensor().numbers()[0];
      if (exponent == 2) {
        return BinaryOperators.apply(graph, node, BinaryFunction.MUL, x, x);
      }
      if (exponent == 0.5) {
        return unary(graph, node, ElementFunction.SQRT, 0, 0);
      }
    }
    return all(BinaryFunction.POW).apply(graph, node);
  }

  static Term multiply(GraphImport graph, OnnxNode node) {
    Term a = graph.term(node, 0);
    Term b = graph.term(node, 1);
    boolean gated = isSigmoid(graph, b, a);
    if (gated || isSigmoid(graph, a, b)) {
      return elementwise(graph, node, gated ? a : b, new Op.Unary(ElementFunction.SILU, 0, 0));
    }
    Term gelu = geluInput(graph, node);
    return gelu == null
        ? all(BinaryFunction.MUL).apply(graph, node)
        : elementwise(graph, node, gelu, new Op.Unary(ElementFunction.GELU, 0, 0));
  }

  /** The input of x/2·(1 + erf(x/√2)), as exporters write it before opset 20; or null. */
  private static Term geluInput(GraphImport graph, OnnxNode node) {
    List<String> factors = new ArrayList<>(node.inputs());
    for (String input : node.inputs()) {
      OnnxNode maker = graph.maker(input, "Mul");
      if (maker != null && factors.size() == 2) {
        factors.remove(input);
        factors.addAll(maker.inputs());
      }
    }
    boolean half = factors.removeIf(factor -> graph.isNumber(factor, 0.5));
    for (int i = 0; i < factors.size() && half && factors.size() == 2; i++) {
      OnnxNode sum = graph.maker(factors.get(i), "Add");
      OnnxNode erf = sum == null ? null : graph.maker(graph.other(sum, 1), "Erf");
      String scaled = erf == null ? "" : erf.inputs().getFirst();
      OnnxNode by = graph.maker(scaled, "Div");
      OnnxNode times = graph.maker(scaled, "Mul");
      String x = factors.get(1 - i);
      boolean root =
          by != null
              && by.inputs().getFirst().equals(x)
              && graph.isNumber(by.inputs().get(1), ROOT);
      if (root || times != null && x.equals(graph.other(times, 1 / ROOT))) {
        return graph.term(x);
      }
    }
    return null;
  }

  private static boolean isSigmoid(GraphImport graph, Term gate, Term x) {
    if (gate instanceof Term.Known || x instanceof Term.Known) {
      return false;
    }
    Term.Walked g = Arrangement.walked(gate);
    Term.Walked of = Arrangement.walked(x);
    return g.dims().equals(of.dims())
        && g.walk().equals(of.walk())
        && graph.isSigmoid(g.value(), of.value());
  }
}
