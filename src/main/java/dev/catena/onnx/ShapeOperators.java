package dev.catena.onnx;

import dev.catena.graph.Op;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/** Operators that move nothing, join channels, or calculate with shapes. */
final class ShapeOperators {
  private ShapeOperators() {}

  static Term identity(GraphImport graph, OnnxNode node) {
    return graph.term(node, 0);
  }

  /** In inference x. */
  static Term dropout(GraphImport graph, OnnxNode node) {
    if (node.has(2) && graph.known(node, 2).integers().getFirst() != 0) {
      throw new Unsupported("it drops as in training");
    }
    return graph.term(node, 0);
  }

  /** Between types of real numbers x: activations have the type of the graph. */
  static Term cast(GraphImport graph, OnnxNode node) {
    if (graph.term(node, 0) instanceof Term.Known known && !known.tensor().type().real()) {
      return known;
    }
    int to = node.integer("to", 0);
    for (OnnxTensor.Type type : OnnxTensor.Type.values()) {
      if (type.number == to && type.real()) {
        return graph.term(node, 0);
      }
    }
    throw new Unsupported("it rounds to ONNX's type " + to);
  }

  static Term concat(GraphImport graph, OnnxNode node) {
    int count = node.inputs().size();
    if (graph.term(node, 0) instanceof Term.Known) {
      List<Long> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        all.addAll(graph.known(node, i).integers());
      }
      return new Term.Known(OnnxTensor.of(all));
    }
    Term.Live first = graph.aligned(node, 0);
    int axis = axis(node.integer("axis", 1), first.dims().size());
    if (axis != 1) {
      throw new Unsupported("it joins " + first.dims() + " along axis " + axis);
    }
    Value[] parts = new Value[count];
    for (int i = 0; i < count; i++) {
      parts[i] = graph.aligned(node, i).value();
    }
    return count == 1 ? first : first.made(graph.add(node, new Op.Concat(), parts));
  }

  static Term flatten(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.live(node, 0);
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
    return new Term.Live(x.value(), dims);
  }

  static Term reshape(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.live(node, 0);
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
      } else if (i == 0 && extent == graph.exportedBatch()) {
        dims.add(graph.batch()); // the batch that the model was exported for
      } else {
        dims.add(Math.toIntExact(extent));
      }
    }
    int elements = OnnxTensor.elements(x.dims());
    if (open >= 0 && OnnxTensor.elements(dims) > 0) {
      dims.set(open, elements / OnnxTensor.elements(dims));
    }
    if (OnnxTensor.elements(dims) != elements) {
      throw new Unsupported("it reshapes " + x.dims() + " to " + target);
    }
    return new Term.Live(x.value(), List.copyOf(dims));
  }

  static Term squeeze(GraphImport graph, OnnxNode node) {
    if (graph.term(node, 0) instanceof Term.Known known) {
      return known;
    }
    Term.Live x = graph.live(node, 0);
    List<Integer> axes = axes(graph, node, x.dims().size());
    List<Integer> dims = new ArrayList<>();
    for (int i = 0; i < x.dims().size(); i++) {
      boolean one = x.dims().get(i) == 1;
      if (axes.contains(i) && !one) {
        throw new Unsupported("it drops axis " + i + " of " + x.dims());
      }
      if (!(axes.contains(i) || axes.isEmpty() && one)) {
        dims.add(x.dims().get(i));
      }
    }
    return new Term.Live(x.value(), dims);
  }

  static Term unsqueeze(GraphImport graph, OnnxNode node) {
    if (graph.term(node, 0) instanceof Term.Known known) {
      return new Term.Known(OnnxTensor.of(known.tensor().integers()));
    }
    Term.Live x = graph.live(node, 0);
    List<Integer> given = given(graph, node);
    int rank = x.dims().size() + given.size();
    List<Integer> axes = given.stream().map(a -> axis(a, rank)).toList();
    List<Integer> dims = new ArrayList<>();
    int next = 0;
    for (int i = 0; i < rank; i++) {
      dims.add(axes.contains(i) ? 1 : x.dims().get(next++));
    }
    return new Term.Live(x.value(), dims);
  }

  /** Only where nothing moves: axes of one element may go anywhere. */
  static Term transpose(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.live(node, 0);
    int rank = x.dims().size();
    List<Integer> reversed = IntStream.iterate(rank - 1, i -> i - 1).limit(rank).boxed().toList();
    List<Integer> order = node.integers("perm", reversed);
    List<Integer> wide = order.stream().filter(i -> x.dims().get(i) != 1).toList();
    if (!wide.equals(wide.stream().sorted().toList())) {
      throw new Unsupported("it moves the axes of " + x.dims() + " to " + order);
    }
    return new Term.Live(x.value(), order.stream().map(x.dims()::get).toList());
  }

  static Term shape(GraphImport graph, OnnxNode node) {
    List<Integer> dims = graph.term(node, 0).dims();
    return new Term.Known(OnnxTensor.of(dims.stream().map(Integer::longValue).toList()));
  }

  static Term gather(GraphImport graph, OnnxNode node) {
    List<Long> from = graph.known(node, 0).integers();
    List<Long> picked = new ArrayList<>();
    for (long index : graph.known(node, 1).integers()) {
      picked.add(from.get(axis(Math.toIntExact(index), from.size())));
    }
    return new Term.Known(OnnxTensor.of(picked));
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

  private static int axis(int given, int rank) {
    int axis = given < 0 ? given + rank : given;
    if (axis < 0 || axis >= rank) {
      throw new Unsupported("there is no axis " + given + " among " + rank);
    }
    return axis;
  }
}
