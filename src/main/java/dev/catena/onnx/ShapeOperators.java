package dev.catena.onnx;

import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/** Operators that move nothing, or tell of shapes. */
final class ShapeOperators {
  private ShapeOperators() {}

  static Term identity(GraphImport graph, OnnxNode node) {
    return graph.term(node, 0);
  }

  /** In inference x. */
  static Term dropout(GraphImport graph, OnnxNode node) {
    if (graph.oldTraining(node)) {
      throw new Unsupported("it drops as in training");
    }
    if (node.has(2) && graph.known(node, 2).integers().getFirst() != 0) {
      throw new Unsupported("it drops as in training");
    }
    return graph.term(node, 0);
  }

  /** Between types of real numbers x: activations have the type of the graph. */
  static Term cast(GraphImport graph, OnnxNode node) {
    int to = node.integer("to", 0);
    for (OnnxTensor.Type type : OnnxTensor.Type.values()) {
      if (type.number == to && type.real()) {
        return graph.term(node, 0);
      }
    }
    throw new Unsupported("it rounds to ONNX's type " + to);
  }

  static Term flatten(GraphImport graph, OnnxNode node) {
    Term x = graph.term(node, 0);
    int rank = x.dims().size();
    int given = node.integer("axis", 1);
    int axis = given < 0 ? given + rank : given;
    if (axis < 0 || axis > rank) {
      throw new Unsupported("its axis is " + given);
    }
    List<Integer> dims =
        List.of(
            OnnxTensor.elements(x.dims().subList(0, axis)),
            OnnxTensor.elements(x.dims().subList(axis, rank)));
    return x.as(dims);
  }

  static Term reshape(GraphImport graph, OnnxNode node) {
    Term x = graph.term(node, 0);
    boolean batched = !(x instanceof Term.Known);
    List<Long> target = graph.known(node, 1).integers();
    boolean zeroCopies = node.integer("allowzero", 0) == 0;
    List<Integer> dims = new ArrayList<>();
    int open = -1;
    for (int i = 0; i < target.size(); i++) {
      long extent = target.get(i);
      if (extent == -1 && open < 0) {
        open = i;
        dims.add(1);
      } else if (extent == 0 && zeroCopies && i < x.dims().size()) {
        dims.add(x.dims().get(i));
      } else if (batched && i == 0 && extent == graph.exportedBatch()) {
        dims.add(graph.batch()); // the batch that the model was exported for
      } else {
        dims.add(Math.toIntExact(extent));
      }
    }
    int elements = OnnxTensor.elements(x.dims());
    if (open >= 0 && OnnxTensor.elements(dims) > 0) {
      dims.set(open, elements / OnnxTensor.elements(dims));
    }
    if (batched && dims.stream().allMatch(extent -> extent > 0)) {
      otherBatch(dims, elements, graph.exportedBatch(), graph.batch());
    }
    if (dims.stream().anyMatch(extent -> extent < 0) || OnnxTensor.elements(dims) != elements) {
      throw new Unsupported("it reshapes " + x.dims() + " to " + target);
    }
    return x.as(dims);
  }

  /**
   * A reshape that was exported for another batch: an axis that is the batch, or else a multiple of
   * it, becomes what {@code elements} elements want.
   */
  private static void otherBatch(List<Integer> dims, int elements, int exported, int batch) {
    for (boolean exact : new boolean[] {true, false}) {
      for (int i = 0; i < dims.size() && exported > 1; i++) {
        int extent = dims.get(i);
        int all = OnnxTensor.elements(dims);
        boolean fits = exact ? extent == exported : extent % exported == 0;
        if (fits && all != elements && (long) all / exported * batch == elements) {
          dims.set(i, extent / exported * batch);
        }
      }
    }
  }

  static Term squeeze(GraphImport graph, OnnxNode node) {
    Term x = graph.term(node, 0);
    List<Integer> axes = axes(graph, node, x.dims().size());
    List<Integer> dims = new ArrayList<>();
    for (int i = 0; i < x.dims().size(); i++) {
      boolean batch = !(x instanceof Term.Known) && i == 0 && graph.exportedBatch() != 1;
      boolean one = x.dims().get(i) == 1 && !batch;
      if (axes.contains(i) && !one) {
        throw new Unsupported("it drops axis " + i + " of " + x.dims());
      }
      if (!(axes.contains(i) || axes.isEmpty() && one)) {
        dims.add(x.dims().get(i));
      }
    }
    return x.as(dims);
  }

  static Term unsqueeze(GraphImport graph, OnnxNode node) {
    Term x = graph.term(node, 0);
    List<Integer> given = given(graph, node);
    int rank = x.dims().size() + given.size();
    List<Integer> axes = given.stream().map(a -> axis(a, rank)).toList();
    List<Integer> dims = new ArrayList<>();
    int next = 0;
    for (int i = 0; i < rank; i++) {
      dims.add(axes.contains(i) ? 1 : x.dims().get(next++));
    }
    return x.as(dims);
  }

  /** Nothing is written before an operator wants it in an order of its own. */
  static Term transpose(GraphImport graph, OnnxNode node) {
    Term x = graph.term(node, 0);
    List<Integer> order = order(node, x.dims().size());
    return Arrangement.split(graph, node, x).ordered(order).term();
  }

  /** The axes of what a Transpose makes; reversed unless it says more. */
  static List<Integer> order(OnnxNode node, int rank) {
    List<Integer> all = IntStream.range(0, rank).boxed().toList();
    List<Integer> order = node.integers("perm", all.reversed());
    if (!order.stream().sorted().toList().equals(all)) {
      throw new Unsupported("it orders " + rank + " axes as " + order);
    }
    return order;
  }

  /** Of the axes from {@code start} to before {@code end}. */
  static Term shape(GraphImport graph, OnnxNode node) {
    List<Integer> dims = graph.term(node, 0).dims();
    int start = bound(node.integer("start", 0), dims.size(), dims.size());
    int end = Math.max(start, bound(node.integer("end", dims.size()), dims.size(), dims.size()));
    List<Long> extents = dims.subList(start, end).stream().map(Integer::longValue).toList();
    return new Term.Known(OnnxTensor.of(extents));
  }

  /** The axes of an attribute or, since opset 13, of the second input; empty if none are given. */
  static List<Integer> axes(GraphImport graph, OnnxNode node, int rank) {
    return given(graph, node).stream().map(a -> axis(a, rank)).toList();
  }

  private static List<Integer> given(GraphImport graph, OnnxNode node) {
    return node.has(1)
        ? graph.known(node, 1).integers().stream().map(Math::toIntExact).toList()
        : node.integers("axes", Collections.emptyList());
  }

  /** A place between 0 and {@code most}; what is negative counts from the end. */
  static int bound(long given, int most, int extent) {
    return Math.clamp(given < 0 ? given + extent : given, 0, most);
  }

  static int axis(int given, int rank) {
    int axis = given < 0 ? given + rank : given;
    if (axis < 0 || axis >= rank) {
      throw new Unsupported("there is no axis " + given + " among " + rank);
    }
    return axis;
  }
}
