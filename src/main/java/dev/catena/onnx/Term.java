package dev.catena.onnx;

import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import java.util.List;

/** What an operator works on. */
sealed interface Term {
  /** Extents as the model has them, outermost first. */
  List<Integer> dims();

  /** Numbers of the model. */
  record Known(OnnxTensor tensor) implements Term {
    @Override
    public List<Integer> dims() {
      return tensor.dims();
    }
  }

  /**
   * An activation. Element by element in the order N,C,H,W it is the model's value in row-major
   * order, so that what only reshapes costs nothing.
   *
   * @param value of the graph
   * @param dims as the model has them; as many elements
   */
  record Live(Value value, List<Integer> dims) implements Term {
    /** Whether the extents are N,C,H,W, N,C,W or N,C of the graph's value. */
    boolean aligned() {
      Shape v = value.shape();
      return switch (dims.size()) {
        case 2 -> dims.equals(List.of(v.n(), v.c())) && v.h() == 1 && v.w() == 1;
        case 3 -> dims.equals(List.of(v.n(), v.c(), v.w())) && v.h() == 1;
        case 4 -> dims.equals(List.of(v.n(), v.c(), v.h(), v.w()));
        default -> false;
      };
    }

    /** What an operator made of this one, with extents of the same rank. */
    Live made(Value result) {
      Shape v = result.shape();
      return new Live(
          result,
          switch (dims.size()) {
            case 2 -> List.of(v.n(), v.c());
            case 3 -> List.of(v.n(), v.c(), v.w());
            default -> List.of(v.n(), v.c(), v.h(), v.w());
          });
    }
  }

  /** What an operator that was refused would have made. */
  record Missing() implements Term {
    @Override
    public List<Integer> dims() {
      return List.of();
    }
  }
}
