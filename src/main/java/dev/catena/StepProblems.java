package dev.catena;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Node;
import dev.catena.graph.Precision;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.plan.Placement;
import dev.catena.plan.View;
import java.util.function.Function;

/**
 * States the steps of a graph as problems for engines.
 *
 * @param precision of activations and products
 * @param trains whether parameters lie on the device as they are trained; else they are constants,
 *     which engines pack as they like
 */
record StepProblems(Precision precision, boolean trains) {
  /** The problem of {@code step} with its values placed. */
  Problem placed(Node step, Placement placement) {
    return problem(
        step,
        value -> {
          View view = placement.view(value);
          return Operand.view(value.shape(), value.dtype(), view.firstChannel(), view.pitch());
        });
  }

  /** The same with each activation alone in its buffer. */
  Problem alone(Node step) {
    return problem(step, value -> Operand.packed(value.shape(), value.dtype()));
  }

  private Problem problem(Node step, Function<Value, Operand> activation) {
    Function<Value, Operand> operand = value -> operand(value, activation);
    return new Problem(
            step.op(),
            step.inputs().stream().map(operand).toList(),
            step.outputs().stream().map(operand).toList())
        .withTf32(precision == Precision.TF32);
  }

  private Operand operand(Value value, Function<Value, Operand> activation) {
    return switch (value.layout()) {
      case PARAMETER -> parameter(value.shape());
      case NCHW -> Operand.nchw(value.shape());
      case DENSE -> Operand.dense(value.shape());
      case FILTERS -> Operand.filters(value.shape(), value.dtype());
      case NHWC -> activation.apply(value);
    };
  }

  private Operand parameter(Shape shape) {
    if (!trains) {
      return Operand.constant(shape);
    }
    return shape.rank() > 1 ? Operand.filters(shape, precision.dtype()) : Operand.dense(shape);
  }
}
