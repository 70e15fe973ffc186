package dev.catena.onnx;

import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.List;
import java.util.stream.IntStream;

/** Operators that reduce windows or whole images to one pixel. */
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
    List<Integer> kernel = node.integers("kernel_shape", List.of());
    if (kernel.size() != 2 || x.dims().size() != 4 || !kernel.get(0).equals(kernel.get(1))) {
      throw new Unsupported("its windows are " + kernel + " over " + x.dims());
    }
    Windows windows = Windows.of(node, x, kernel).plain();
    if (!windows.h().equals(windows.w())) {
      throw new Unsupported("its padding is " + windows.h() + " and " + windows.w());
    }
    Op pool =
        new Op.Pool(
            kind,
            kernel.getFirst(),
            windows.stride(),
            windows.h().pad(),
            node.integer("ceil_mode", 0) != 0,
            node.integer("count_include_pad", 0) != 0,
            Op.Prologue.NONE);
    return x.made(graph.add(node, pool, x.value()));
  }

  static Term globalAverage(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    return x.made(graph.add(node, new Op.GlobalAveragePool(Op.Prologue.NONE), x.value()));
  }

  static Term globalMax(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    Shape image = x.value().shape();
    if (image.h() != image.w()) {
      throw new Unsupported("its image is " + x.dims() + ", not square");
    }
    Op pool = new Op.Pool(Op.PoolKind.MAX, image.h(), 1, 0, false, false, Op.Prologue.NONE);
    return x.made(graph.add(node, pool, x.value()));
  }

  /** Over all pixels. */
  static Term reduceMean(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    int rank = x.dims().size();
    List<Integer> axes = ShapeOperators.axes(graph, node, rank).stream().sorted().toList();
    if (rank < 3 || !axes.equals(IntStream.range(2, rank).boxed().toList())) {
      throw new Unsupported("it takes the mean of " + x.dims() + " over " + axes);
    }
    Value mean = graph.add(node, new Op.GlobalAveragePool(Op.Prologue.NONE), x.value());
    boolean keep = node.integer("keepdims", 1) != 0;
    return keep ? x.made(mean) : new Term.Live(mean, x.dims().subList(0, 2));
  }
}
