package dev.catena.graph;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.random.RandomGenerator;

/**
 * Runs a graph in fp64 by {@link Evaluator}. Activations are dense N,H,W,C, parameters as in the
 * checkpoint, the user's side N,C,H,W; nothing is rounded, and nothing is in place.
 */
public final class Interpreter {
  private final Map<Integer, double[]> values = new HashMap<>();
  private int branches;

  private Interpreter() {}

  /**
   * All values of a graph.
   *
   * @param inputs by name; the batch is N,C,H,W
   * @param parameters of a parameter's node
   */
  public static Interpreter run(
      Graph graph, Map<String, double[]> inputs, Function<Node, double[]> parameters) {
    Interpreter interpreter = new Interpreter();
    for (Value input : graph.inputs()) {
      double[] given = inputs.get(input.name());
      boolean images = input.layout() == Layout.NCHW;
      interpreter.values.put(input.id(), images ? transposed(input.shape(), given, true) : given);
    }
    for (Node node : graph.nodes()) {
      interpreter.run(node, parameters);
    }
    return interpreter;
  }

  /** What {@code value} is. */
  public double[] value(Value value) {
    double[] held = values.get(value.id());
    return value.layout() == Layout.NCHW ? transposed(value.shape(), held, false) : held;
  }

  /** Which way every ReLU and every maximum went: a kink lies between runs in which it differs. */
  public int branches() {
    return branches;
  }

  private void run(Node node, Function<Node, double[]> parameters) {
    if (node.op() instanceof Op.Parameter) {
      values.put(node.output().id(), parameters.apply(node));
      return;
    }
    Evaluator made =
        Evaluator.run(node, node.inputs().stream().map(v -> values.get(v.id())).toList());
    branches = 31 * branches + made.branches();
    for (int i = 0; i < node.outputs().size(); i++) {
      values.put(node.output(i).id(), made.results().get(i));
    }
  }

  /** From N,C,H,W to N,H,W,C or back. */
  private static double[] transposed(Shape x, double[] from, boolean toNhwc) {
    double[] to = new double[from.length];
    int area = x.h() * x.w();
    for (int nhwc = 0; nhwc < from.length; nhwc++) {
      int pixel = nhwc / x.c();
      int nchw = (pixel / area * x.c() + nhwc % x.c()) * area + pixel % area;
      to[toNhwc ? nhwc : nchw] = from[toNhwc ? nchw : nhwc];
    }
    return to;
  }

  /** The inputs by name, for a training graph: random images and labels, step 3 of seed 7. */
  public static Map<String, double[]> inputs(Graph graph, int classes, RandomGenerator random) {
    Map<String, double[]> inputs = new HashMap<>();
    List<Value> all = graph.inputs();
    for (Value input : all) {
      double[] values = new double[Math.toIntExact(input.shape().elements())];
      switch (input.name()) {
        case "labels" -> Arrays.setAll(values, _ -> random.nextInt(classes));
        case "loss.gradient" -> values[0] = 1;
        case "random" -> Arrays.setAll(values, i -> i == 0 ? 7 : i == 2 ? 3 : 0);
        default -> Arrays.setAll(values, _ -> random.nextGaussian());
      }
      inputs.put(input.name(), values);
    }
    return inputs;
  }
}
