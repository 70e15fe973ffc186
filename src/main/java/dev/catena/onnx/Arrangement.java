package dev.catena.onnx;

import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * Where the elements of a live value lie. What only moves them makes no node ({@link Walk}); an
 * operator that wants them in an order of its own asks for it here.
 */
final class Arrangement {
  private Arrangement() {}

  /** A live term as a walk. */
  static Term.Walked walked(Term term) {
    return switch (term) {
      case Term.Walked w -> w;
      case Term.Live x -> new Term.Walked(x.value(), Walk.ofImage(x.value().shape()), x.dims());
      default -> throw new Unsupported("it is no activation");
    };
  }

  /** The loops of each extent, of a copy if one ends within a loop; of a constant too. */
  static Split split(GraphImport graph, OnnxNode node, Term term) {
    if (term instanceof Term.Known c) {
      Walk straight = Walk.straight(c.tensor().elements());
      return new Split(term, straight.split(c.dims()).orElseThrow(), 0, c.dims());
    }
    Term.Walked x = walked(term);
    Optional<List<List<Walk.Loop>>> loops = x.walk().split(x.dims());
    if (loops.isPresent()) {
      return new Split(x, loops.get(), x.walk().offset(), x.dims());
    }
    int elements = OnnxTensor.elements(x.dims());
    Value copy = arrange(graph, node, x.value(), x.walk(), Shape.nhwc(1, 1, 1, elements));
    Term.Walked made = new Term.Walked(copy, Walk.straight(elements), x.dims());
    return new Split(made, made.walk().split(x.dims()).orElseThrow(), 0, x.dims());
  }

  /**
   * A walk whose loops are known for each extent.
   *
   * @param source a constant, or a live value of which only the value is meant
   * @param loops for each of {@code dims}
   * @param offset the first element
   * @param dims as the model has them
   */
  record Split(Term source, List<List<Walk.Loop>> loops, int offset, List<Integer> dims) {
    Value value() {
      return walked(source).value();
    }

    Term term() {
      return source instanceof Term.Known c
          ? new Term.Known(c.tensor().walked(Walk.of(loops, offset), dims))
          : new Term.Walked(value(), Walk.of(loops, offset), dims).plain();
    }

    /** All elements, in the model's order, as a value of {@code shape}. */
    Value laid(GraphImport graph, OnnxNode node, Shape shape) {
      return laid(graph, node, Walk.of(loops, offset), shape);
    }

    /** Elements of the source as a value of {@code shape}; a constant as a parameter. */
    Value laid(GraphImport graph, OnnxNode node, Walk walk, Shape shape) {
      if (source instanceof Term.Known c) {
        if (!c.tensor().type().real()) {
          throw new Unsupported("its constant is " + c.tensor().type());
        }
        OnnxTensor moved = c.tensor().walked(walk, shape.dims());
        return graph.parameter(node.name() + ".operand", shape, moved::floats);
      }
      return arrange(graph, node, value(), walk, shape);
    }

    /** The axes in another order. */
    Split ordered(List<Integer> order) {
      return new Split(
          source,
          order.stream().map(loops::get).toList(),
          offset,
          order.stream().map(dims::get).toList());
    }

    /** Of an axis {@code count} elements from {@code start} on, every {@code step}. */
    Split picked(int axis, int start, int step, int count) {
      int from = offset;
      int rest = start;
      for (Walk.Loop loop : loops.get(axis).reversed()) {
        from += rest % loop.extent() * loop.stride();
        rest /= loop.extent();
      }
      if (count == 1) {
        return with(axis, List.of(), 1, from);
      }
      if (loops.get(axis).size() > 1) {
        throw new Unsupported("it takes a part of an axis that was put together of several");
      }
      int stride = loops.get(axis).isEmpty() ? 0 : loops.get(axis).getFirst().stride() * step;
      return with(axis, List.of(new Walk.Loop(count, stride)), count, from);
    }

    /** With another axis. */
    Split with(int axis, List<Walk.Loop> loop, int extent, int start) {
      List<List<Walk.Loop>> all = new ArrayList<>(loops);
      List<Integer> extents = new ArrayList<>(dims);
      all.set(axis, loop);
      extents.set(axis, extent);
      return new Split(source, all, start, extents);
    }
  }

  /** N,C,H,W; of fewer axes N,C,W or N,C, and of more the last together as columns. */
  static Term.Live image(GraphImport graph, OnnxNode node, Term term) {
    Split x = split(graph, node, term);
    int rank = x.dims().size();
    int n = rank > 1 ? x.dims().getFirst() : 1;
    int c = x.dims().isEmpty() ? 1 : x.dims().get(rank > 1 ? 1 : 0);
    int h = rank > 3 ? x.dims().get(2) : 1;
    int w = OnnxTensor.elements(x.dims()) / n / c / h;
    List<List<Walk.Loop>> order = new ArrayList<>(x.loops());
    if (rank > 1) {
      order.add(order.remove(/* index */ 1));
    }
    Value copy =
        arrange(graph, node, x.value(), Walk.of(order, x.offset()), Shape.nhwc(n, h, w, c));
    return new Term.Live(copy, x.dims());
  }

  /** Every element of a value once: of a part of one a copy. */
  static Term.Walked whole(GraphImport graph, OnnxNode node, Term term) {
    Term.Walked x = walked(term);
    boolean all = term instanceof Term.Live || x.walk().visitsAll(x.value().shape().elements());
    return all ? x : straight(graph, node, x, Math.min(1, x.dims().size()));
  }

  /**
   * The last {@code inner} axes as the channels of a value, every element once; the other axes in
   * any order. Where that is not so, the elements are copied.
   */
  static Term.Walked rows(GraphImport graph, OnnxNode node, Term term, int inner) {
    Term.Walked x = walked(term);
    int rank = x.dims().size();
    int channels = OnnxTensor.elements(x.dims().subList(rank - inner, rank));
    int rows = OnnxTensor.elements(x.dims()) / channels;
    boolean there =
        x.value().shape().c() == channels
            && x.walk().visitsAll((long) rows * channels)
            && x.walk()
                .split(List.of(rows, channels))
                .filter(s -> channels == 1 || s.get(1).equals(List.of(new Walk.Loop(channels, 1))))
                .isPresent();
    return there ? x : straight(graph, node, x, inner);
  }

  /** The same with all axes in the order of the model. */
  static Term.Walked straight(GraphImport graph, OnnxNode node, Term term, int inner) {
    Term.Walked x = walked(term);
    int rank = x.dims().size();
    int channels = OnnxTensor.elements(x.dims().subList(rank - inner, rank));
    int elements = OnnxTensor.elements(x.dims());
    int images = rank > inner ? x.dims().getFirst() : 1;
    Shape shape = Shape.nhwc(images, elements / channels / images, 1, channels);
    Value copy = arrange(graph, node, x.value(), x.walk(), shape);
    return new Term.Walked(copy, Walk.straight(elements), x.dims());
  }

  /** What a node made of {@link #rows}, pixel by pixel, whose last axis has other channels. */
  static Term pixels(Term.Walked rows, Value made, List<Integer> dims) {
    int from = rows.value().shape().c();
    int to = made.shape().c();
    int pixels = OnnxTensor.elements(rows.dims()) / from;
    List<Walk.Loop> loops = new ArrayList<>();
    for (Walk.Loop loop : rows.walk().split(List.of(pixels, from)).orElseThrow().getFirst()) {
      loops.add(new Walk.Loop(loop.extent(), loop.stride() / from * to));
    }
    loops.add(new Walk.Loop(to, 1));
    return new Term.Walked(made, new Walk(loops, 0), List.copyOf(dims)).plain();
  }

  /** The walk's elements as a value of {@code shape}; the value itself where it is that. */
  static Value arrange(GraphImport graph, OnnxNode node, Value x, Walk walk, Shape shape) {
    int elements = Math.toIntExact(shape.elements());
    if (x.shape().equals(shape) && walk.equals(Walk.straight(elements))) {
      return x;
    }
    if (walk.loops().size() > Op.Arrange.MOST_EXTENTS) {
      throw new Unsupported("it moves " + walk.loops().size() + " axes");
    }
    List<Walk.Loop> loops = walk.loops().isEmpty() ? List.of(new Walk.Loop(1, 0)) : walk.loops();
    Op op =
        new Op.Arrange(
            shape.n(),
            shape.h(),
            shape.w(),
            shape.c(),
            loops.stream().map(Walk.Loop::extent).toList(),
            loops.stream().map(Walk.Loop::stride).toList(),
            walk.offset());
    return graph.add(node, op, x);
  }

  /** What a function makes of the rows along {@code axis}, as many elements or one. */
  static Term along(
      GraphImport graph, OnnxNode node, Term term, int axis, UnaryOperator<Value> function) {
    int rank = term.dims().size();
    List<Integer> order = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
    order.add(order.remove(/* index */ axis));
    Term.Walked rows = rows(graph, node, split(graph, node, term).ordered(order).term(), 1);
    Value made = function.apply(rows.value());
    List<Integer> dims = new ArrayList<>(rows.dims());
    dims.set(rank - 1, made.shape().c());
    List<Integer> back = new ArrayList<>(IntStream.range(0, rank - 1).boxed().toList());
    back.add(axis, rank - 1);
    return split(graph, node, pixels(rows, made, dims)).ordered(back).term();
  }

  /** Numpy's rule: axes of one element repeat, and so do those that are missing in front. */
  static Split expand(Split x, List<Integer> dims) {
    List<List<Walk.Loop>> loops = new ArrayList<>();
    int front = dims.size() - x.dims().size();
    for (int i = 0; i < dims.size(); i++) {
      int own = i < front ? 1 : x.dims().get(i - front);
      if (own != 1 && own != dims.get(i)) {
        throw new Unsupported("it spreads " + x.dims() + " over " + dims);
      }
      boolean same = i >= front && own == dims.get(i);
      loops.add(same ? x.loops().get(i - front) : List.of(new Walk.Loop(dims.get(i), 0)));
    }
    return new Split(x.source(), loops, x.offset(), List.copyOf(dims));
  }

  /** A loop of x with what the other walk does meanwhile. */
  private record Pair(Walk.Loop x, Walk.Loop other) {}

  /**
   * The walk {@code other} beside {@code x}, of the same extents, in the order in which x lies in
   * memory: as loops over N, H, W and C of x's value, each with its stride there.
   *
   * @return for each of the four its loops; empty if they end within a loop
   */
  static Optional<List<List<Walk.Loop>>> beside(Split x, Split other) {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < x.loops().size(); i++) {
      List<Walk.Loop> mine = new ArrayList<>(x.loops().get(i));
      List<Walk.Loop> theirs = new ArrayList<>(other.loops().get(i));
      while (!mine.isEmpty()) {
        Walk.Loop a = mine.removeLast();
        Walk.Loop b = theirs.removeLast();
        int extent = Math.min(a.extent(), b.extent());
        if (Math.max(a.extent(), b.extent()) % extent != 0) {
          return Optional.empty();
        }
        rest(a, extent, mine);
        rest(b, extent, theirs);
        pairs.add(new Pair(new Walk.Loop(extent, a.stride()), new Walk.Loop(extent, b.stride())));
      }
    }
    pairs.sort(Comparator.comparingInt((Pair p) -> p.x().stride()).reversed());
    List<Walk.Loop> loops = pairs.stream().map(Pair::other).toList();
    return new Walk(loops, other.offset()).split(x.value().shape().dims());
  }

  private static void rest(Walk.Loop loop, int taken, List<Walk.Loop> loops) {
    if (loop.extent() > taken) {
      loops.add(new Walk.Loop(loop.extent() / taken, loop.stride() * taken));
    }
  }
}
