package dev.catena.onnx;

import dev.catena.graph.Op;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Operators that reduce windows, whole images or other axes to one number. */
final class PoolOperators {
  private PoolOperators() {}

  static Term max(GraphImport graph, OnnxNode node) {
    return pool(graph, node, Op.PoolKind.MAX);
  }

  static Term average(GraphImport graph, OnnxNode node) {
    return pool(graph, node, Op.PoolKind.AVERAGE);
  }

  private static Term pool(GraphImport graph, OnnxNode node, Op.PoolKind kind) {
    Term.Live x = graph.aligned(node, 0);
    Windows windows = Windows.of(node, x, node.integers("kernel_shape", List.of()));
    Op pool =
        new Op.Pool(
            kind,
            windows.h(),
            windows.w(),
            node.integer("ceil_mode", 0) != 0,
            node.integer("count_include_pad", 0) != 0,
            Op.Prologue.NONE);
    return x.made(graph.add(node, pool, x.value()));
  }

  static Term globalAverage(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    return x.made(mean(graph, node, x.value()));
  }

  static Term globalMax(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    return x.made(largest(graph, node, x.value()));
  }

  private static Value largest(GraphImport graph, OnnxNode node, Value x) {
    Op.Window rows = Op.Window.of(x.shape().h(), 1, 0);
    Op.Window columns = Op.Window.of(x.shape().w(), 1, 0);
    Op pool = new Op.Pool(Op.PoolKind.MAX, rows, columns, false, false, Op.Prologue.NONE);
    return graph.add(node, pool, x);
  }

  private static Value mean(GraphImport graph, OnnxNode node, Value x) {
    return graph.add(node, new Op.GlobalAveragePool(Op.Prologue.NONE), x);
  }

  static Term reduceMean(GraphImport graph, OnnxNode node) {
    return reduce(graph, node, x -> mean(graph, node, x));
  }

  static Term reduceMax(GraphImport graph, OnnxNode node) {
    return reduce(graph, node, x -> largest(graph, node, x));
  }

  static Term reduceSum(GraphImport graph, OnnxNode node) {
    return reduce(
        graph,
        node,
        x -> {
          int count = x.shape().h() * x.shape().w();
          return graph.add(node, new Op.Scale(count), mean(graph, node, x));
        });
  }

  /** Over any axes but the first; they become the pixels of an image. */
  private static Term reduce(GraphImport graph, OnnxNode node, UnaryOperator<Value> pixels) {
    Term x = graph.term(node, 0);
    int rank = x.dims().size();
    List<Integer> axes = ShapeOperators.axes(graph, node, rank).stream().sorted().toList();
    if (axes.isEmpty() && node.integer("noop_with_empty_axes", 0) != 0) {
      return x;
    }
    if (axes.isEmpty() || axes.contains(0)) {
      throw new Unsupported("it reduces " + x.dims() + " over " + axes + ", images among them");
    }
    List<Integer> kept = IntStream.range(1, rank).filter(i -> !axes.contains(i)).boxed().toList();
    boolean image = axes.equals(IntStream.range(2, rank).boxed().toList());
    if (image && x instanceof Term.Live live && live.aligned()) {
      return reduced(node, x.dims(), axes, pixels.apply(live.value()));
    }
    List<Integer> order = Stream.of(List.of(0), kept, axes).flatMap(List::stream).toList();
    List<Integer> dims =
        List.of(x.dims().getFirst(), elements(x.dims(), kept), elements(x.dims(), axes));
    Term moved = Arrangement.split(graph, node, x).ordered(order).term().as(dims);
    Value behind = Arrangement.image(graph, node, moved).value();
    return reduced(node, x.dims(), axes, pixels.apply(behind));
  }

  private static int elements(List<Integer> dims, List<Integer> axes) {
    return OnnxTensor.elements(axes.stream().map(dims::get).toList());
  }

  private static Term reduced(OnnxNode node, List<Integer> dims, List<Integer> axes, Value result) {
    boolean keep = node.integer("keepdims", 1) != 0;
    List<Integer> made = new ArrayList<>();
    for (int i = 0; i < dims.size(); i++) {
      if (!axes.contains(i)) {
        made.add(dims.get(i));
      } else if (keep) {
        made.add(1);
      }
    }
    return new Term.Live(result, made);
  }
}
