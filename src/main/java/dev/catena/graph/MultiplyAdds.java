package dev.catena.graph;

/** Multiply-adds of a node; element-wise work, pooling and normalisation count nothing. */
final class MultiplyAdds {
  private MultiplyAdds() {}

  static long of(Node node) {
    return switch (node.op()) {
      case Op.Conv c -> convolution(node.output().shape(), node.input(1).shape());
      case Op.Linear _ -> convolution(node.output().shape(), node.input(1).shape());
      case Op.DenseLayer _ ->
          convolution(node.input(0).shape(), node.input(3).shape())
              + convolution(node.output().shape(), node.input(5).shape());
      case TrainingOp.LinearDgrad _, TrainingOp.ConvDgrad _ ->
          convolution(node.input(0).shape(), node.input(1).shape());
      case TrainingOp.LinearWgrad _, TrainingOp.ConvWgrad _ ->
          convolution(node.input(0).shape(), node.output().shape());
      case Op.InSlices s -> s.body().multiplyAdds() * (node.input(0).shape().n() / s.images());
      default -> 0;
    };
  }

  /** The same three extents forward and backward. */
  private static long convolution(Shape output, Shape filters) {
    return Math.multiplyExact(output.pixels(), filters.elements());
  }
}
