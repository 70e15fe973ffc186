package dev.catena.engine.cudnn;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Value;
import dev.catena.plan.Placement;
import dev.catena.plan.View;
import java.util.ArrayList;
import java.util.List;

/** What the engines are asked for by a network: its steps with the views that the planner gives. */
final class NetworkProblems {

  private NetworkProblems() {}

  /** One problem a step, in the order of execution. */
  static List<Problem> of(Graph graph) {
    Placement placement = Placement.of(graph);
    List<Problem> problems = new ArrayList<>();
    for (Node step : placement.steps()) {
      List<Operand> inputs =
          step.inputs().stream().map(input -> operand(placement, input)).toList();
      problems.add(new Problem(step.op(), inputs, operand(placement, step.output())));
    }
    return problems;
  }

  private static Operand operand(Placement placement, Value value) {
    if (value.isConstant()) {
      return Operand.constant(value.shape());
    }
    View view = placement.view(value);
    return new Operand(
        value.shape(), value.dtype(), value.layout(), view.firstChannel(), view.pitch());
  }
}
