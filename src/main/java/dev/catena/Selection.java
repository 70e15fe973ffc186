package dev.catena;

import dev.catena.engine.Engines;
import dev.catena.engine.Offer;
import dev.catena.engine.Problem;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.plan.Placement;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * The problem of each step of a graph, those of slices' bodies included, and the offer chosen for
 * it. It is made before the plan, which counts the scratch memory of the offers. Thread-safe.
 */
final class Selection {
  /** A problem and the offer that solves it. */
  record Chosen(Problem problem, Offer offer) {}

  private final IdentityHashMap<Node, Chosen> chosen = new IdentityHashMap<>();

  private Selection() {}

  /**
   * Chooses an offer for every step of {@code graph} that computes.
   *
   * @param external values that lie elsewhere than in the arena
   */
  static Selection of(Graph graph, List<Value> external, StepProblems problems, Engines engines) {
    Selection selection = new Selection();
    Map<Problem, Chosen> known = new HashMap<>();
    selection.add(Placement.of(graph, external), problems, engines, known);
    return selection;
  }

  private void add(
      Placement placement, StepProblems problems, Engines engines, Map<Problem, Chosen> known) {
    for (Node step : placement.steps()) {
      if (step.op() instanceof Op.InSlices) {
        add(Placement.ofBody(step, placement), problems, engines, known);
      } else if (!isView(step)) {
        Problem problem = problems.placed(step, placement);
        chosen.put(step, known.computeIfAbsent(problem, p -> new Chosen(p, engines.choose(p))));
      }
    }
  }

  /** True if {@code step} says where a value lies, and computes nothing. */
  static boolean isView(Node step) {
    return step.op() instanceof Op.Join || step.op() instanceof TrainingOp.Slice;
  }

  /** The choice for {@code step}, which computes. */
  Chosen of(Node step) {
    return chosen.get(step);
  }

  /** Bytes of scratch memory of any step. */
  long workspace(Node step) {
    return isView(step) ? 0 : of(step).offer().workspace();
  }
}
