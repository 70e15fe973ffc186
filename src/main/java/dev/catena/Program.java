package dev.catena;

import dev.catena.engine.Engines;
import dev.catena.engine.Offer;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.Placement;
import dev.catena.plan.Planner;
import dev.catena.plan.TrainingState;
import dev.catena.plan.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * A network for one batch size on one device: its plan, and who computes each step. Knows no
 * addresses. Thread-safe once made.
 */
final class Program {
  private final Optional<DType> trained;
  private final boolean tf32;
  private final MemoryPlan plan;
  private final Map<Problem, Offer> engines = new HashMap<>();

  private Program(
      Graph graph, List<Value> external, Optional<DType> trained, boolean tf32, Engines choice) {
    this.trained = trained;
    this.tf32 = tf32;
    this.plan =
        Planner.plan(
            graph,
            external,
            (step, placement) -> {
              if (isView(step)) {
                return 0;
              }
              Problem problem = problem(step, placement);
              return engines.computeIfAbsent(problem, choice::choose).workspace();
            });
  }

  /**
   * Chooses engines for {@code graph}, then plans its memory with the scratch that they want.
   *
   * @param tf32 whether products in fp32 may be of factors rounded to TF32
   */
  static Program compile(Graph graph, boolean tf32, Engines choice) {
    return new Program(graph, List.of(), Optional.empty(), tf32, choice);
  }

  /**
   * The same of a training step: its parameters are not packed, but lie in {@code state}.
   *
   * @param options type of activations, in which filters are read, and of products
   */
  static Program training(Graph step, TrainingState state, Training options, Engines choice) {
    Optional<DType> dtype = Optional.of(options.dtype());
    return new Program(step, state.values(), dtype, options.tf32(), choice);
  }

  /** The steps that compute, in order: all but views. */
  List<Node> computing() {
    return plan.steps().stream().filter(step -> !isView(step)).toList();
  }

  /** Whether {@code step} says where a value lies, and computes nothing. */
  static boolean isView(Node step) {
    return step.op() instanceof Op.Join || step.op() instanceof TrainingOp.Slice;
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
  Offer engine(Problem problem) {
    return engines.get(problem);
  }

  /** The engine of each step; a step of a slice stands once. */
  List<StepEngine> engines() {
    return steps().stream().map(s -> new StepEngine(s.name(), s.engine())).distinct().toList();
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
      if (node.op() instanceof Op.InSlices slices) {
        List<Step> body = new ArrayList<>();
        steps(of.body(i), body);
        int times = node.input(0).shape().n() / slices.images();
        steps.addAll(Collections.nCopies(times, body).stream().flatMap(List::stream).toList());
      } else if (!isView(node)) {
        steps.add(step(node, of.placement()));
      }
    }
  }

  private Step step(Node node, Placement placement) {
    Problem problem = problem(node, placement);
    return new Step(node.name(), problem, engine(problem).name());
  }

  /** What a step asks of an engine. */
  Problem problem(Node step, Placement placement) {
    return problem(
            step,
            trained,
            value -> {
              View view = placement.view(value);
              return Operand.view(value.shape(), value.dtype(), view.firstChannel(), view.pitch());
            })
        .withTf32(tf32);
  }

  /**
   * Whether the device does {@code fused} better than its {@code parts}, each activation alone in
   * its buffer: views hardly matter to the question, and are not known yet.
   *
   * @param trained the type of activations while training
   * @param tf32 whether products in fp32 may be of factors rounded to TF32
   */
  static boolean worthFusing(
      Engines choice, Node fused, List<Node> parts, Optional<DType> trained, boolean tf32) {
    Function<Node, Problem> unplaced =
        step ->
            problem(step, trained, value -> Operand.packed(value.shape(), value.dtype()))
                .withTf32(tf32);
    return choice.worthFusing(unplaced.apply(fused), parts.stream().map(unplaced).toList());
  }

  private static Problem problem(
      Node step, Optional<DType> trained, Function<Value, Operand> activation) {
    Function<Value, Operand> operand = value -> operand(value, trained, activation);
    return new Problem(
        step.op(),
        step.inputs().stream().map(operand).toList(),
        step.outputs().stream().map(operand).toList());
  }

  private static Operand operand(
      Value value, Optional<DType> trained, Function<Value, Operand> activation) {
    return switch (value.layout()) {
      case PARAMETER -> parameter(value.shape(), trained);
      case NCHW -> Operand.nchw(value.shape());
      case DENSE -> Operand.dense(value.shape());
      case FILTERS -> Operand.filters(value.shape(), value.dtype());
      case NHWC -> activation.apply(value);
    };
  }

  private static Operand parameter(Shape shape, Optional<DType> trained) {
    if (trained.isEmpty()) {
      return Operand.constant(shape);
    }
    return shape.rank() > 1 ? Operand.filters(shape, trained.get()) : Operand.dense(shape);
  }
}
