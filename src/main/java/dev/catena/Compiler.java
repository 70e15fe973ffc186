package dev.catena;

import dev.catena.engine.Engines;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Precision;
import dev.catena.graph.Value;
import dev.catena.plan.Planner;
import dev.catena.rewrite.FuseDenseLayer;
import dev.catena.rewrite.FuseResidual;
import dev.catena.rewrite.FuseStatistics;
import dev.catena.rewrite.Rewrite;
import java.util.List;

/**
 * From a graph to a program on one device, for inference and training: an offer is selected for
 * every step, memory is planned with the scratch of the offers. {@link Binder} gives addresses.
 */
final class Compiler {
  private final StepProblems problems;
  private final Engines engines;

  private Compiler(StepProblems problems, Engines engines) {
    this.problems = problems;
    this.engines = engines;
  }

  /** A compiler of graphs whose parameters are constants. */
  static Compiler inference(Precision precision, Engines engines) {
    return new Compiler(new StepProblems(precision, false), engines);
  }

  /** A compiler of training steps. */
  static Compiler training(Precision precision, Engines engines) {
    return new Compiler(new StepProblems(precision, true), engines);
  }

  /** The rewrites that depend on the device: what it does better at once becomes one step. */
  Rewrite fusions() {
    return problems.trains()
        ? new FuseStatistics(this::isBetter)
        : graph ->
            new FuseResidual(this::isBetter).apply(new FuseDenseLayer(this::isBetter).apply(graph));
  }

  /** Views hardly matter to the question, and are not known yet. */
  private boolean isBetter(Node fused, List<Node> parts) {
    return engines.worthFusing(problems.alone(fused), parts.stream().map(problems::alone).toList());
  }

  /**
   * The program of {@code graph}.
   *
   * @param external values that lie elsewhere than in the arena
   * @throws dev.catena.error.UnsupportedOnDeviceException naming an operation that no engine has
   */
  Program compile(Graph graph, List<Value> external) {
    Selection selection = Selection.of(graph, external, problems, engines);
    return new Program(Planner.plan(graph, external, selection::workspace), selection);
  }
}
