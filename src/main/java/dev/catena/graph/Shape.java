package dev.catena.graph;

import dev.catena.error.GraphException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The extents of a value. Activations have four, in the order N,H,W,C; parameters have as many as
 * their checkpoint says (a convolution's filters are K,C,R,S).
 *
 * @param dims positive extents
 */
public record Shape(List<Integer> dims) {
  /** Far beyond any memory, and so far below 2^63 that sums of sizes in bytes do not overflow. */
  private static final long MOST_ELEMENTS = 1L << 52;

  public Shape {
    dims = List.copyOf(dims);
    long elements = 1;
    for (int dim : dims) {
      if (dim < 1) {
        throw new GraphException("a shape has the extent " + dim + " in " + text(dims));
      }
      if (elements > MOST_ELEMENTS / dim) {
        throw new GraphException("no memory holds a shape of " + text(dims));
      }
      elements *= dim;
    }
  }

  /** A shape of any rank. */
  public static Shape of(int... dims) {
    return new Shape(Arrays.stream(dims).boxed().toList());
  }

  /** An activation's shape. */
  public static Shape nhwc(int n, int h, int w, int c) {
    return of(n, h, w, c);
  }

  /** Number of extents. */
  public int rank() {
    return dims.size();
  }

  /** The extent at {@code axis}. */
  public int dim(int axis) {
    return dims.get(axis);
  }

  /** Images of an activation. */
  public int n() {
    return activation(0);
  }

  /** Rows of an activation. */
  public int h() {
    return activation(1);
  }

  /** Columns of an activation. */
  public int w() {
    return activation(2);
  }

  /** Channels of an activation. */
  public int c() {
    return activation(3);
  }

  /** N·H·W of an activation: the rows of its matrix form. */
  public long pixels() {
    return (long) n() * h() * w();
  }

  /** Product of all extents. */
  public long elements() {
    return dims.stream().mapToLong(Integer::longValue).reduce(1, Math::multiplyExact);
  }

  /** The same activation with other channels. */
  public Shape withChannels(int c) {
    return nhwc(n(), h(), w(), c);
  }

  /** The same activation with other images. */
  public Shape withImages(int n) {
    return nhwc(n, h(), w(), c());
  }

  private int activation(int axis) {
    if (rank() != 4) {
      throw new GraphException("not an activation (N,H,W,C): " + this);
    }
    return dims.get(axis);
  }

  private static String text(List<Integer> dims) {
    return dims.stream().map(String::valueOf).collect(Collectors.joining("x", "[", "]"));
  }

  /** For example {@code [64x56x56x256]}. */
  @Override
  public String toString() {
    return text(dims);
  }
}
