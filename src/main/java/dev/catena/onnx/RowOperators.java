package dev.catena.onnx;

import dev.catena.graph.BinaryFunction;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

/** Operators along an axis: softmax, the largest, normalisations, and products of matrices. */
final class RowOperators {
  private RowOperators() {}

  /** Before opset 13 over all axes from the given one on. */
  static BiFunction<GraphImport, OnnxNode, Term> softmax(Op.SoftmaxForm form) {
    return (graph, node) -> {
      Term x = graph.term(node, 0);
      int rank = x.dims().size();
      boolean old = graph.opset() < 13;
      int axis = ShapeOperators.axis(node.integer("axis", old ? 1 : -1), rank);
      Op op = new Op.Softmax(form);
      if (!old) {
        return Arrangement.along(graph, node, x, axis, v -> graph.add(node, op, v));
      }
      Term.Walked rows = Arrangement.rows(graph, node, x, rank - axis);
      return Arrangement.pixels(rows, graph.add(node, op, rows.value()), rows.dims());
    };
  }

  static Term argMax(GraphImport graph, OnnxNode node) {
    Term x = graph.term(node, 0);
    int axis = ShapeOperators.axis(node.integer("axis", 0), x.dims().size());
    Op op = new Op.ArgMax(node.integer("select_last_index", 0) != 0);
    Term made = Arrangement.along(graph, node, x, axis, v -> graph.add(node, op, v));
    return node.integer("keepdims", 1) != 0 ? made : made.as(without(made.dims(), axis));
  }

  static List<Integer> without(List<Integer> dims, int axis) {
    List<Integer> others = new ArrayList<>(dims);
    others.remove(/* index */ axis);
    return others;
  }

  static BiFunction<GraphImport, OnnxNode, Term> layerNorm(boolean root) {
    return (graph, node) -> {
      Term x = graph.term(node, 0);
      int rank = x.dims().size();
      int inner = rank - ShapeOperators.axis(node.integer("axis", -1), rank);
      return layerNorm(graph, node, x, inner, root, node.number("epsilon", 1e-5f));
    };
  }

  /**
   * A quotient; of d and √(mean(d²) + ε), d being x or its distance to its mean, a normalisation,
   * as exporters write it before opset 17.
   */
  static Term divide(GraphImport graph, OnnxNode node) {
    String d = node.inputs().getFirst();
    OnnxNode root = graph.maker(node.inputs().getLast(), "Sqrt");
    OnnxNode sum = root == null ? null : graph.maker(root.inputs().getFirst(), "Add");
    for (int i = 0; sum != null && i < 2; i++) {
      OnnxNode mean = graph.maker(sum.inputs().get(i), "ReduceMean");
      OnnxNode square = mean == null ? null : graph.maker(mean.inputs().getFirst(), "Pow");
      boolean power = square != null && graph.isNumber(square.inputs().getLast(), 2);
      OnnxNode product = mean == null ? null : graph.maker(mean.inputs().getFirst(), "Mul");
      boolean squared =
          power && square.inputs().getFirst().equals(d)
              || product != null && product.inputs().equals(List.of(d, d));
      Term epsilon = graph.term(sum.inputs().get(1 - i));
      if (squared && epsilon instanceof Term.Known e && e.tensor().elements() == 1) {
        OnnxNode distance = graph.maker(d, "Sub");
        OnnxNode centre =
            distance == null ? null : graph.maker(distance.inputs().getLast(), "ReduceMean");
        String x = centre == null ? d : centre.inputs().getFirst();
        Term term = graph.term(x);
        boolean centred = centre != null && distance.inputs().getFirst().equals(x);
        int inner = lastAxes(graph, mean, term.dims().size());
        if (inner > 0 && (!centred || lastAxes(graph, centre, term.dims().size()) == inner)) {
          OnnxNode plain = new OnnxNode(node.name(), "", List.of(""), node.outputs(), Map.of());
          Term of = centred ? term : graph.term(d);
          return layerNorm(graph, plain, of, inner, !centred, e.tensor().floats()[0]);
        }
      }
    }
    return ElementOperators.all(BinaryFunction.DIV).apply(graph, node);
  }

  /** How many axes a mean takes, if they are the last ones and stay; else 0. */
  private static int lastAxes(GraphImport graph, OnnxNode mean, int rank) {
    List<Integer> axes = ShapeOperators.axes(graph, mean, rank).stream().sorted().toList();
    List<Integer> last = IntStream.range(rank - axes.size(), rank).boxed().toList();
    return axes.equals(last) && mean.integer("keepdims", 1) != 0 ? axes.size() : 0;
  }

  private static Term layerNorm(
      GraphImport graph, OnnxNode node, Term x, int inner, boolean root, float epsilon) {
    Term.Walked rows = Arrangement.rows(graph, node, x, inner);
    Op op = new Op.Norm(Op.NormOver.PIXEL, 1, root, epsilon);
    int channels = rows.value().shape().c();
    Value gamma = vector(graph, node, 1, channels, 1, true);
    Value beta = vector(graph, node, 2, channels, 0, true);
    return Arrangement.pixels(rows, graph.add(node, op, rows.value(), gamma, beta), rows.dims());
  }

  static Term instanceNorm(GraphImport graph, OnnxNode node) {
    return norm(graph, node, graph.term(node, 0).dims().get(1));
  }

  static Term groupNorm(GraphImport graph, OnnxNode node) {
    return norm(graph, node, node.integer("num_groups", 0));
  }

  /** Exporters write a group norm as an instance norm of N,groups,all else: nothing has moved. */
  private static Term norm(GraphImport graph, OnnxNode node, int groups) {
    Term given = graph.term(node, 0);
    boolean there =
        given instanceof Term.Live live
            && live.value().shape().n() == live.dims().getFirst()
            && live.value().shape().c() % groups == 0;
    Term.Live x = there ? (Term.Live) given : graph.aligned(node, 0);
    int channels = x.value().shape().c();
    Op op = new Op.Norm(Op.NormOver.IMAGE, groups, false, node.number("epsilon", 1e-5f));
    Value gamma = vector(graph, node, 1, channels, 1, false);
    Value beta = vector(graph, node, 2, channels, 0, false);
    return new Term.Live(graph.add(node, op, x.value(), gamma, beta), x.dims());
  }

  /** One number for each channel, or for each of equal groups of them; or a whole one for each. */
  private static Value vector(
      GraphImport graph, OnnxNode node, int index, int channels, float absent, boolean whole) {
    Shape shape = Shape.of(channels);
    String name = node.name() + (index == 1 ? ".scale" : ".shift");
    if (!node.has(index)) {
      float[] same = new float[channels];
      Arrays.fill(same, absent);
      return graph.parameter(name, shape, () -> same);
    }
    OnnxTensor given = graph.known(node, index);
    if (given.elements() == channels) {
      return graph.parameter(given, shape);
    }
    if (given.elements() == 0 || channels % given.elements() != 0) {
      throw new Unsupported("its scale or shift is " + given.dims());
    }
    int each = channels / given.elements();
    return graph.parameter(
        name,
        shape,
        () -> {
          float[] values = given.floats();
          float[] all = new float[channels];
          for (int c = 0; c < channels; c++) {
            all[c] = values[whole ? c % values.length : c / each];
          }
          return all;
        });
  }

  /** Products of matrices, of which none or one is constant. */
  static Term product(GraphImport graph, OnnxNode node) {
    Term a = graph.term(node, 0);
    Term b = graph.term(node, 1);
    int rank = Math.max(a.dims().size(), b.dims().size());
    if (Math.min(a.dims().size(), b.dims().size()) < 2) {
      throw new Unsupported("it multiplies " + a.dims() + " by " + b.dims());
    }
    List<Integer> dims = new ArrayList<>(Folding.broadcast(batch(a), batch(b)));
    int m = a.dims().get(a.dims().size() - 2);
    int inner = a.dims().getLast();
    int k = b.dims().getLast();
    if (b.dims().get(b.dims().size() - 2) != inner) {
      throw new Unsupported("it multiplies " + a.dims() + " by " + b.dims());
    }
    int n = dims.isEmpty() ? 1 : dims.getFirst();
    int h = OnnxTensor.elements(dims) / n;
    boolean shared = OnnxTensor.elements(batch(b)) == 1;
    Arrangement.Split left = spread(graph, node, a, dims);
    Arrangement.Split right =
        spread(graph, node, b, shared ? Collections.nCopies(rank - 2, 1) : dims);
    boolean transposed = right.loops().get(rank - 2).equals(List.of(new Walk.Loop(inner, 1)));
    if (transposed) {
      List<Integer> order = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
      Collections.swap(order, rank - 2, rank - 1);
      right = right.ordered(order);
    }
    Shape of =
        Shape.nhwc(shared ? 1 : n, shared ? 1 : h, transposed ? k : inner, transposed ? inner : k);
    Value made =
        graph.add(
            node,
            new Op.MatMul(transposed, shared && n > 1, shared && h > 1),
            left.laid(graph, node, Shape.nhwc(n, h, m, inner)),
            right.laid(graph, node, of));
    dims.add(m);
    dims.add(k);
    int elements = Math.toIntExact(made.shape().elements());
    return new Term.Walked(made, Walk.straight(elements), List.copyOf(dims)).plain();
  }

  private static List<Integer> batch(Term term) {
    return term.dims().subList(0, term.dims().size() - 2);
  }

  private static Arrangement.Split spread(
      GraphImport graph, OnnxNode node, Term term, List<Integer> batch) {
    List<Integer> dims = new ArrayList<>(batch);
    dims.addAll(term.dims().subList(term.dims().size() - 2, term.dims().size()));
    return Arrangement.expand(Arrangement.split(graph, node, term), dims);
  }

  static Term expand(GraphImport graph, OnnxNode node) {
    Term x = graph.term(node, 0);
    List<Integer> to =
        new ArrayList<>(graph.known(node, 1).integers().stream().map(Math::toIntExact).toList());
    if (to.size() > 2 && to.getFirst() > 1 && to.getFirst() == graph.exportedBatch()) {
      to.set(0, graph.batch()); // the batch that the model was exported for
    }
    List<Integer> dims = Folding.broadcast(x.dims(), to);
    return Arrangement.expand(Arrangement.split(graph, node, x), dims).term();
  }

  /** Parts of any axis, one after the other. */
  static Term concat(GraphImport graph, OnnxNode node, List<Term> parts, int axis) {
    List<Integer> dims = new ArrayList<>(parts.getFirst().dims());
    int n = axis > 0 ? images(parts) : 1;
    dims.set(0, axis > 0 ? n : dims.getFirst());
    int before = OnnxTensor.elements(dims.subList(0, axis));
    int behind = OnnxTensor.elements(dims.subList(axis + 1, dims.size()));
    int extent = 0;
    List<Value> values = new ArrayList<>();
    for (Term part : parts) {
      int own = part.dims().get(axis);
      Shape shape = Shape.nhwc(n, before / n, 1, Math.multiplyExact(own, behind));
      Arrangement.Split split = Arrangement.split(graph, node, part);
      boolean batched = axis > 0 && part instanceof Term.Known && n < part.dims().getFirst();
      if (batched && part.dims().getFirst() == graph.exportedBatch()) {
        split = split.picked(0, 0, 1, n); // as many as the batch that the graph is made for
      }
      Value value = split.laid(graph, node, shape);
      values.add(value.isConstant() ? copy(graph, node, value) : value);
      extent = Math.addExact(extent, own);
    }
    dims.set(axis, extent);
    Value made =
        values.size() == 1
            ? values.getFirst()
            : graph.add(node, new Op.Concat(), values.toArray(Value[]::new));
    int elements = Math.toIntExact(made.shape().elements());
    return new Term.Walked(made, Walk.straight(elements), List.copyOf(dims)).plain();
  }

  /** The first extent of a live part. */
  private static int images(List<Term> parts) {
    return parts.stream()
        .filter(part -> !(part instanceof Term.Known))
        .findFirst()
        .orElse(parts.getFirst())
        .dims()
        .getFirst();
  }

  /** A constant as an activation. */
  private static Value copy(GraphImport graph, OnnxNode node, Value constant) {
    Shape s = constant.shape();
    List<Integer> all = List.of(Math.toIntExact(s.elements()));
    return graph.add(
        node, new Op.Arrange(s.n(), s.h(), s.w(), s.c(), all, List.of(1), 0), constant);
  }

  /** Elements of any axis: runs with equal steps, one after the other. */
  static Term pick(GraphImport graph, OnnxNode node, Term x, int axis, List<Integer> indices) {
    Arrangement.Split split = Arrangement.split(graph, node, x);
    if (split.loops().get(axis).size() > 1) {
      int inner = Math.min(1, x.dims().size());
      split = Arrangement.split(graph, node, Arrangement.straight(graph, node, x, inner));
    }
    List<Term> parts = new ArrayList<>();
    for (int i = 0; i < indices.size(); ) {
      int step = i + 1 < indices.size() ? indices.get(i + 1) - indices.get(i) : 1;
      int end = i + 1;
      while (end < indices.size() && indices.get(end) - indices.get(end - 1) == step) {
        end++;
      }
      parts.add(split.picked(axis, indices.get(i), step, end - i).term());
      i = end;
    }
    return parts.size() == 1 ? parts.getFirst() : concat(graph, node, parts, axis);
  }
}
