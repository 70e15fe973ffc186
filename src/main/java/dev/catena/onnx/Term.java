package dev.catena.onnx;

import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import java.util.List;

/** What an operator works on. */
sealed interface Term {
  /** Extents as the model has them, outermost first. */
  List<Integer> dims();

  /** The same elements in the same order with other extents, as many. */
  Term as(List<Integer> other);

  /** Numbers of the model. */
  record Known(OnnxTensor tensor) implements Term {
    @Override
    public List<Integer> dims() {
      return tensor.dims();
    }

    @Override
    public Term as(List<Integer> other) {
      return new Known(tensor.as(List.copyOf(other)));
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
    @Override
    public Term as(List<Integer> other) {
      return new Live(value, List.copyOf(other));
    }

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

  /**
   * Every so many rows or columns of an activation, until the other axis is known: exporters slice
   * one axis after the other.
   *
   * @param whole the activation
   * @param stepH of the rows
   * @param stepW of the columns
   * @param dims of what is picked
   */
  record Sliced(Live whole, int stepH, int stepW, List<Integer> dims) implements Term {
    @Override
    public Term as(List<Integer> other) {
      throw new OnnxOperator.Unsupported("it reshapes every other row of an image");
    }
  }

  /**
   * Elements of an activation in an order of their own, which nothing has written to memory yet:
   * transposed, sliced, repeated.
   *
   * @param value of the graph
   * @param walk the elements in row-major order of the extents
   * @param dims as the model has them
   */
  record Walked(Value value, Walk walk, List<Integer> dims) implements Term {
    @Override
    public Term as(List<Integer> other) {
      return new Walked(value, walk, List.copyOf(other)).plain();
    }

    /** What an operator made of the value, element by element. */
    Term made(Value result) {
      return new Walked(result, walk, dims).plain();
    }

    /** An activation as it is, if that is what it is. */
    Term plain() {
      return walk.equals(Walk.ofImage(value.shape())) ? new Live(value, dims) : this;
    }
  }

  /** What an operator that was refused would have made. */
  record Missing() implements Term {
    @Override
    public List<Integer> dims() {
      return List.of();
    }

    @Override
    public Term as(List<Integer> other) {
      return this;
    }
  }
}
