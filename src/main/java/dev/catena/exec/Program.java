package dev.catena.exec;

import dev.catena.device.Device;
import dev.catena.engine.Engine;
import dev.catena.engine.Engines;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.Placement;
import dev.catena.plan.Planner;
import dev.catena.plan.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A network for one batch size on one device: its plan, and who computes each step. Knows no
 * addresses. Thread-safe once made.
 */
final class Program {
  private final MemoryPlan plan;
  private final Map<Problem, Engine> engines;

  private Program(MemoryPlan plan, Map<Problem, Engine> engines) {
    this.plan = plan;
    this.engines = engines;
  }

  /** Chooses engines for {@code graph}, then plans its memory with the scratch that they want. */
  static Program compile(Graph graph, Engines choice, Device device) {
    Map<Problem, Engine> chosen = new HashMap<>();
    MemoryPlan plan =
        Planner.plan(
            graph,
            (step, placement) -> {
              if (step.op() instanceof Op.Join) {
                return 0;
              }
              Problem problem = problem(step, placement);
              return chosen.computeIfAbsent(problem, choice::choose).workspace(problem, device);
            });
    return new Program(plan, chosen);
  }

  /** The memory of one run. */
  MemoryPlan plan() {
    return plan;
  }

  /** Images of a full batch. */
  int batch() {
    return input().shape().n();
  }

  /** The batch, as the user gives it. */
  Value input() {
    return plan.graph().inputs().getFirst();
  }

  /** The result, as the user takes it. */
  Value output() {
    return plan.graph().outputs().getFirst();
  }

  /** Who computes a problem of this program. */
  Engine engine(Problem problem) {
    return engines.get(problem);
  }

  /** {@code step: engine} for all steps, those of slices' bodies included, each once. */
  List<String> engines() {
    return steps().stream().map(Step::toString).distinct().toList();
  }

  /** What is launched, in the order of {@link Binder}: a step of a slice as often as it runs. */
  List<Step> steps() {
    List<Step> steps = new ArrayList<>();
    steps(plan, steps);
    return steps;
  }

  private void steps(MemoryPlan of, List<Step> steps) {
    for (int i = 0; i < of.steps().size(); i++) {
      Node node = of.steps().get(i);
      switch (node.op()) {
        case Op.Join _, TrainingOp.Slice _ -> {}
        case Op.InSlices slices -> {
          List<Step> body = new ArrayList<>();
          steps(of.body(i), body);
          int times = node.input(0).shape().n() / slices.images();
          steps.addAll(Collections.nCopies(times, body).stream().flatMap(List::stream).toList());
        }
        default -> steps.add(step(node, of.placement()));
      }
    }
  }

  private Step step(Node node, Placement placement) {
    Problem problem = problem(node, placement);
    return new Step(node.name(), problem, engine(problem).name());
  }

  /** What a step asks of an engine. */
  static Problem problem(Node step, Placement placement) {
    List<Operand> inputs = step.inputs().stream().map(v -> operand(v, placement)).toList();
    List<Operand> byproducts = step.byproducts().stream().map(v -> operand(v, placement)).toList();
    return new Problem(step.op(), inputs, operand(step.output(), placement), byproducts);
  }

  private static Operand operand(Value value, Placement placement) {
    return switch (value.layout()) {
      case PARAMETER -> Operand.constant(value.shape());
      case NCHW -> Operand.nchw(value.shape());
      case DENSE -> Operand.dense(value.shape());
      case FILTERS -> Operand.filters(value.shape(), value.dtype());
      case NHWC -> {
        View view = placement.view(value);
        yield Operand.view(value.shape(), value.dtype(), view.firstChannel(), view.pitch());
      }
    };
  }
}
