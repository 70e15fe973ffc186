package dev.catena.rewrite;

import dev.catena.Policy;
import dev.catena.graph.Graph;
import dev.catena.graph.Init;
import dev.catena.graph.Interpreter;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** One training step in fp64, with random parameters that a test may move. */
public final class Step {
  private static final long SEED = 20;

  private final Graph graph;
  private final Map<String, double[]> inputs;
  private final Map<String, double[]> parameters = new HashMap<>();

  /**
   * A step of a network.
   *
   * @param graph what {@link Policy#step} made
   */
  public Step(Graph graph, int classes) {
    this.graph = graph;
    inputs = Interpreter.inputs(graph, classes, new SplittableRandom(SEED));
    for (Node parameter : graph.parameters()) {
      SplittableRandom random = new SplittableRandom(parameter.name().hashCode());
      Init init = ((Op.Parameter) parameter.op()).init();
      double scale = init instanceof Init.HeNormal he ? Math.sqrt(2.0 / he.fan()) : 0.3;
      double[] values = new double[Math.toIntExact(parameter.output().shape().elements())];
      // Around what training starts with: no parameter is exactly 0 or 1.
      double centre = init instanceof Init.Constant c ? c.value() : 0;
      Arrays.setAll(values, _ -> centre + scale * random.nextGaussian());
      if (parameter.name().endsWith("running_var")) {
        Arrays.setAll(values, i -> Math.abs(values[i]) + 0.5);
      }
      parameters.put(parameter.name(), values);
    }
  }

  /** The parameters that have gradients, in their order. */
  List<Node> trainable() {
    return graph.trainable();
  }

  /** The outputs, in order. */
  List<double[]> outputs() {
    Interpreter run = run();
    return graph.outputs().stream().map(run::value).toList();
  }

  /** All values. */
  public Interpreter run() {
    return Interpreter.run(graph, inputs, p -> parameters.get(p.name()));
  }

  /** The loss, and which way all branches went, with a parameter moved. */
  Moved moved(Node parameter, double[] direction, double by) {
    double[] there = parameters.get(parameter.name());
    double[] moved = there.clone();
    for (int i = 0; i < moved.length; i++) {
      moved[i] += by * direction[i];
    }
    parameters.put(parameter.name(), moved);
    Interpreter run = run();
    parameters.put(parameter.name(), there);
    return new Moved(run.value(graph.outputs().getFirst())[0], run.branches());
  }

  /**
   * The loss at a moved parameter.
   *
   * @param branches equal where no kink lies between
   */
  record Moved(double loss, int branches) {}
}
