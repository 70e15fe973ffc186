package dev.catena.graph;

import java.util.List;

/** Multiply-adds of an operation; element-wise work, pooling and normalisation count nothing. */
public final class MultiplyAdds {
  private MultiplyAdds() {}

  static long of(Node node) {
    return of(node.op(), node.inputs().stream().map(Value::shape).toList(), node.output().shape());
  }

  /** Those of {@code op} on inputs and output of these shapes. */
  public static long of(Op op, List<Shape> inputs, Shape output) {
    return switch (op) {
      case Op.Conv _, Op.Linear _, TrainingOp.ConvStatistics _ ->
          convolution(output, inputs.get(1));
      case Op.DenseLayer _ ->
          convolution(inputs.get(0), inputs.get(3)) + convolution(output, inputs.get(5));
      case TrainingOp.LinearDgrad _, TrainingOp.ConvDgrad _ ->
          convolution(inputs.get(0), inputs.get(1));
      case TrainingOp.LinearWgrad _, TrainingOp.ConvWgrad _ -> convolution(inputs.get(0), output);
      case Op.MatMul _ -> Math.multiplyExact(output.elements(), (long) inputs.getFirst().c());
      case Op.InSlices s -> s.body().multiplyAdds() * (inputs.get(0).n() / s.images());
      default -> 0;
    };
  }

  /** The same three extents forward and backward. */
  private static long convolution(Shape output, Shape filters) {
    return Math.multiplyExact(output.pixels(), filters.elements());
  }
}
