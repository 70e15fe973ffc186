package dev.catena.onnx;

import dev.catena.graph.BinaryFunction;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleUnaryOperator;

/**
 * Functions of two operands by Numpy's rule: extents are set against each other from the last, and
 * one of 1 goes with any other. One operand is a live value as it lies in memory; the other is
 * brought into the same order.
 */
final class BinaryOperators {
  private BinaryOperators() {}

  static Term apply(GraphImport graph, OnnxNode node, BinaryFunction function, Term a, Term b) {
    if (node.hasAttribute("axis")) {
      throw new Unsupported("it says along which axis, as operators before opset 7 do");
    }
    List<Integer> dims = Folding.broadcast(a.dims(), b.dims());
    boolean first =
        !(a instanceof Term.Known) && (b instanceof Term.Known || a.dims().equals(dims));
    Term x = first ? a : b;
    Term other = first ? b : a;
    if (x instanceof Term.Known) {
      throw new Unsupported("its inputs are constants");
    }
    if (!x.dims().equals(dims)) {
      Term wide = Arrangement.expand(Arrangement.split(graph, node, x), dims).term();
      x = Arrangement.straight(graph, node, wide, Math.min(1, dims.size()));
    }
    boolean swapped = !first && !function.commutes();
    return apply(graph, node, function, Arrangement.whole(graph, node, x), other, swapped);
  }

  private static Term apply(
      GraphImport graph,
      OnnxNode node,
      BinaryFunction function,
      Term.Walked x,
      Term other,
      boolean swapped) {
    Arrangement.Split mine = Arrangement.split(graph, node, x);
    if (!mine.value().equals(x.value())) {
      x = Arrangement.walked(mine.term());
    }
    Arrangement.Split theirs = Arrangement.split(graph, node, other);
    Optional<List<List<Walk.Loop>>> beside =
        Arrangement.beside(mine, Arrangement.expand(theirs, x.dims()));
    if (beside.isEmpty()) {
      int inner = Math.min(1, x.dims().size());
      Term.Walked copy = Arrangement.straight(graph, node, x, inner);
      Term same =
          other instanceof Term.Known ? other : Arrangement.straight(graph, node, other, inner);
      if (copy.value().equals(x.value())) {
        throw new Unsupported("it sets " + x.dims() + " against " + other.dims());
      }
      return apply(graph, node, function, copy, same, swapped);
    }
    List<Integer> extents = new ArrayList<>();
    List<List<Walk.Loop>> loops = new ArrayList<>();
    for (int axis = 0; axis < 4; axis++) {
      List<Walk.Loop> loop = beside.get().get(axis);
      boolean shared = loop.stream().allMatch(l -> l.stride() == 0);
      extents.add(shared ? 1 : x.value().shape().dim(axis));
      loops.add(shared ? List.of() : loop);
    }
    Shape shape = new Shape(extents);
    return other instanceof Term.Known c
        ? x.made(constant(graph, node, function, x.value(), c.tensor(), loops, shape, swapped))
        : x.made(live(graph, node, function, x.value(), theirs, loops, shape, swapped));
  }

  private static Value live(
      GraphImport graph,
      OnnxNode node,
      BinaryFunction function,
      Value x,
      Arrangement.Split other,
      List<List<Walk.Loop>> loops,
      Shape shape,
      boolean swapped) {
    Value b = other.laid(graph, node, Walk.of(loops, other.offset()), shape);
    Shape a = x.shape();
    if (function == BinaryFunction.SUM && shape.equals(a)) {
      return graph.add(node, new Op.Add(false), x, b);
    }
    boolean image = a.h() * a.w() > 1;
    if (function == BinaryFunction.MUL && image && shape.equals(Shape.nhwc(a.n(), 1, 1, a.c()))) {
      return graph.add(node, Op.ScaleChannels.PLAIN, x, b);
    }
    return graph.add(node, Op.Binary.of(function, swapped, a, shape), x, b);
  }

  private static Value constant(
      GraphImport graph,
      OnnxNode node,
      BinaryFunction function,
      Value x,
      OnnxTensor c,
      List<List<Walk.Loop>> loops,
      Shape shape,
      boolean swapped) {
    if (!c.type().real()) {
      throw new Unsupported("its constant is " + c.type());
    }
    OnnxTensor moved = c.walked(Walk.of(loops, 0), shape.dims());
    boolean channels = shape.pixels() == 1;
    if (channels && function == BinaryFunction.SUM) {
      return affine(graph, node, x, moved, _ -> 1, v -> v);
    }
    if (channels && function == BinaryFunction.SUB) {
      return affine(graph, node, x, moved, _ -> swapped ? -1 : 1, v -> swapped ? v : -v);
    }
    if (channels && function == BinaryFunction.MUL) {
      return affine(graph, node, x, moved, v -> v, _ -> 0);
    }
    if (channels && function == BinaryFunction.DIV && !swapped) {
      return affine(graph, node, x, moved, v -> 1 / v, _ -> 0);
    }
    Value b = graph.parameter(node.name() + ".operand", shape, moved::floats);
    return graph.add(node, Op.Binary.of(function, swapped, x.shape(), shape), x, b);
  }

  /** scale(c)·x + shift(c) with one number c, or one for each channel. */
  private static Value affine(
      GraphImport graph,
      OnnxNode node,
      Value x,
      OnnxTensor c,
      DoubleUnaryOperator scale,
      DoubleUnaryOperator shift) {
    if (c.elements() == 1 && shift.applyAsDouble(1) == 0) {
      return graph.add(node, new Op.Scale((float) scale.applyAsDouble(c.numbers()[0])), x);
    }
    int channels = x.shape().c();
    Shape vector = Shape.of(channels);
    Value s = graph.parameter(node.name() + ".scale", vector, () -> vector(c, channels, scale));
    Value t = graph.parameter(node.name() + ".shift", vector, () -> vector(c, channels, shift));
    return graph.add(node, new Op.ScaleShift(false), x, s, t);
  }

  private static float[] vector(OnnxTensor c, int channels, DoubleUnaryOperator f) {
    float[] values = c.floats();
    float[] vector = new float[channels];
    for (int i = 0; i < channels; i++) {
      vector[i] = (float) f.applyAsDouble(values[values.length == 1 ? 0 : i]);
    }
    return vector;
  }
}
