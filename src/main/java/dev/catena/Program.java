package dev.catena;

import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import dev.catena.plan.MemoryPlan;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A network for one batch size on one device. Knows no addresses. Thread-safe.
 *
 * @param plan the memory of one run
 * @param selection what is computed, and how
 */
record Program(MemoryPlan plan, Selection selection) {
  /** The steps that compute, in order: all but views. */
  List<Node> computing() {
    return plan.steps().stream().filter(step -> !Selection.isView(step)).toList();
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

  /** The engine of each step; a step of a slice stands once. */
  List<StepEngine> engines() {
    return steps().stream().map(s -> new StepEngine(s.name(), s.engine())).distinct().toList();
  }

  /** The launched steps, in the order of {@link Binder}: a step of a slice as often as it runs. */
  List<Step> steps() {
    List<Step> steps = new ArrayList<>();
    steps(plan, steps);
    return steps;
  }

  private void steps(MemoryPlan of, List<Step> steps) {
    for (int i = 0; i < of.steps().size(); i++) {
      Node node = of.steps().get(i);
      if (node.op() instanceof Op.InSlices slices) {
        List<Step> body = new ArrayList<>();
        steps(of.body(i), body);
        int times = node.input(0).shape().n() / slices.images();
        steps.addAll(Collections.nCopies(times, body).stream().flatMap(List::stream).toList());
      } else if (!Selection.isView(node)) {
        Selection.Chosen chosen = selection.of(node);
        steps.add(new Step(node.name(), chosen.problem(), chosen.offer().name()));
      }
    }
  }
}
