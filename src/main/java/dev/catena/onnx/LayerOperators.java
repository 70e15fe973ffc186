package dev.catena.onnx;

import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Operators with weights. */
final class LayerOperators {
  private LayerOperators() {}

  static Term conv(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    OnnxTensor w = graph.known(node, 1);
    List<Integer> filters = new ArrayList<>(w.dims());
    if (filters.size() == 3) {
      filters.add(2, 1); // a row of pixels
    }
    if (filters.size() != 4) {
      throw new Unsupported("its filters are " + w.dims());
    }
    Windows windows = Windows.of(node, x, w.dims().subList(2, w.dims().size()));
    int groups = node.integer("group", 1);
    Value bias =
        node.has(2) ? graph.parameter(graph.known(node, 2), Shape.of(filters.getFirst())) : null;
    return convolve(graph, node, x, windows, groups, new Filters(new Shape(filters), w), bias);
  }

  /** A convolution with filters that the model does not have. */
  static Term.Live convolve(
      GraphImport graph, OnnxNode node, Term.Live x, Windows windows, int groups, Filters filters) {
    return convolve(graph, node, x, windows, groups, filters, null);
  }

  /**
   * Filters of a convolution.
   *
   * @param shape K,C,R,S
   * @param tensor of as many elements
   */
  record Filters(Shape shape, OnnxTensor tensor) {}

  private static Term.Live convolve(
      GraphImport graph,
      OnnxNode node,
      Term.Live x,
      Windows windows,
      int groups,
      Filters filters,
      Value bias) {
    if (!filters.tensor().type().real()) {
      throw new Unsupported("its filters are " + filters.tensor().type());
    }
    Value w = graph.parameter(filters.tensor(), filters.shape());
    Op conv = new Op.Conv(windows.h(), windows.w(), groups, bias != null);
    return x.made(
        bias == null
            ? graph.add(node, conv, x.value(), w)
            : graph.add(node, conv, x.value(), w, bias));
  }

  /** A convolution's gradient by its input: y has the extents of that input. */
  static Term convTranspose(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    OnnxTensor w = graph.known(node, 1);
    int axes = w.dims().size() - 2;
    if (axes < 1 || axes > 2 || x.dims().size() != axes + 2) {
      throw new Unsupported("its filters are " + w.dims() + " and its input " + x.dims());
    }
    int groups = node.integer("group", 1);
    List<Integer> ones = Collections.nCopies(axes, 1);
    List<Integer> zeros = Collections.nCopies(2 * axes, 0);
    List<Integer> strides = node.integers("strides", ones);
    List<Integer> dilations = node.integers("dilations", ones);
    List<Integer> pads = node.integers("pads", zeros);
    List<Integer> more = node.integers("output_padding", zeros);
    List<Integer> given = node.integers("output_shape", List.of());
    String auto = node.text("auto_pad", "NOTSET");
    Op.Window[] windows = {Windows.POINTS.h(), Windows.POINTS.w()};
    int[] out = {1, 1};
    for (int axis = 0; axis < axes; axis++) {
      int kernel = w.dims().get(axis + 2);
      int stride = strides.get(axis);
      int dilation = kernel == 1 ? 1 : dilations.get(axis);
      int in = x.dims().get(axis + 2);
      int whole = stride * (in - 1) + (kernel - 1) * dilation + 1 + more.get(axis);
      boolean same = auto.startsWith("SAME");
      boolean plain = auto.equals("NOTSET") || auto.isEmpty();
      int wanted = given.isEmpty() ? in * stride : given.get(given.size() - axes + axis);
      int all = given.isEmpty() && !same ? 0 : Math.max(0, whole - wanted);
      int less = all / 2;
      int begin = auto.equals("SAME_UPPER") ? less : all - less;
      int end = all - begin;
      if (given.isEmpty() && plain) {
        begin = pads.get(axis);
        end = pads.get(axis + axes);
      }
      int at = 2 - axes + axis;
      windows[at] = new Op.Window(kernel, stride, begin, end, dilation);
      out[at] = given.isEmpty() && !same ? whole - begin - end : wanted;
    }
    Op.Conv conv = new Op.Conv(windows[0], windows[1], groups, false);
    int rows = axes == 1 ? 1 : w.dims().get(2);
    Shape filters = Shape.of(w.dims().get(0), w.dims().get(1), rows, w.dims().getLast());
    Value made =
        graph.add(
            node,
            new TrainingOp.ConvDgrad(conv, out[0], out[1], false),
            x.value(),
            graph.parameter(w, filters));
    if (!node.has(2)) {
      return x.made(made);
    }
    Shape channels = Shape.of(made.shape().c());
    Value bias = graph.parameter(graph.known(node, 2), channels);
    Value one = graph.add(node.name() + ".ones", new Op.Filled(1, made.shape().c()));
    return x.made(graph.add(node, new Op.ScaleShift(false), made, one, bias));
  }

  static Term batchNorm(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    if (node.integer("training_mode", 0) != 0 || graph.oldTraining(node)) {
      throw new Unsupported("it normalises as in training");
    }
    if (node.integer("spatial", 1) == 0) {
      throw new Unsupported("it normalises each pixel by itself");
    }
    Shape channels = Shape.of(x.value().shape().c());
    Value[] inputs = new Value[5];
    inputs[0] = x.value();
    for (int i = 1; i < inputs.length; i++) {
      inputs[i] = graph.parameter(graph.known(node, i), channels);
    }
    return x.made(graph.add(node, new Op.BatchNorm(node.number("epsilon", 1e-5f)), inputs));
  }

  static Term gemm(GraphImport graph, OnnxNode node) {
    if (!(graph.term(node, 1) instanceof Term.Known)) {
      throw new Unsupported("its second factor is no constant");
    }
    OnnxTensor b = graph.known(node, 1);
    if (node.integer("transA", 0) != 0) {
      throw new Unsupported("it transposes the batch");
    }
    float beta = node.number("beta", 1);
    boolean transposed = node.integer("transB", 0) != 0;
    float[] bias = node.has(2) && beta != 0 ? row(graph.known(node, 2)) : new float[1];
    return product(graph, node, b, transposed, node.number("alpha", 1), bias, beta);
  }

  /** A column has as many numbers, but for each image one. */
  private static float[] row(OnnxTensor c) {
    if (c.elements() != 1 && c.dims().getLast() != c.elements()) {
      throw new Unsupported("what it adds is " + c.dims() + ", not one number for each feature");
    }
    return c.floats();
  }

  static Term matMul(GraphImport graph, OnnxNode node) {
    boolean layer = graph.term(node, 1) instanceof Term.Known w && w.dims().size() == 2;
    return layer && !(graph.term(node, 0) instanceof Term.Known)
        ? product(graph, node, graph.known(node, 1), false, 1, new float[1], 1)
        : RowOperators.product(graph, node);
  }

  /** alpha·x·w + beta·bias, w being K,C if transposed and C,K if not. */
  private static Term product(
      GraphImport graph,
      OnnxNode node,
      OnnxTensor w,
      boolean transposed,
      float alpha,
      float[] bias,
      float beta) {
    Term given = graph.term(node, 0);
    boolean flat =
        given instanceof Term.Live live && live.dims().equals(flattened(live.value().shape()));
    Term.Walked rows =
        flat
            ? Arrangement.walked(given)
            : Arrangement.rows(graph, node, given, Math.min(1, given.dims().size()));
    Term x = given;
    Shape pixels = rows.value().shape();
    int features = x.dims().isEmpty() ? 1 : x.dims().getLast();
    int k = w.dims().get(transposed ? 0 : 1);
    if (w.dims().size() != 2 || w.dims().get(transposed ? 1 : 0) != features) {
      throw new Unsupported("it multiplies " + x.dims() + " by " + w.dims());
    }
    if (bias.length != 1 && bias.length != k) {
      throw new Unsupported("what it adds is not one number for each of " + k + " features");
    }
    // Features were N,C,H,W before they were flattened: that is a filter over the whole image.
    boolean image = flat && pixels.h() * pixels.w() > 1;
    boolean each = !flat; // Each pixel by itself.
    Shape shape =
        image
            ? Shape.of(k, pixels.c(), pixels.h(), pixels.w())
            : each ? Shape.of(k, features, 1, 1) : Shape.of(k, features);
    Value weights =
        transposed && alpha == 1
            ? graph.parameter(w, shape)
            : graph.parameter(
                node.name() + ".weight", shape, () -> rows(w.floats(), k, transposed, alpha));
    Value added = graph.parameter(node.name() + ".bias", Shape.of(k), () -> spread(bias, k, beta));
    Op op =
        image
            ? new Op.Conv(pixels.h(), pixels.w(), 1, 0, 0, 1, Op.Prologue.NONE, true, false)
            : each ? Op.Conv.of(1, 1, 0).withEpilogue(true, false) : new Op.Linear();
    Value y = graph.add(node, op, rows.value(), weights, added);
    List<Integer> dims = new ArrayList<>(x.dims());
    dims.set(dims.size() - 1, k);
    return each ? Arrangement.pixels(rows, y, dims) : new Term.Live(y, dims);
  }

  private static List<Integer> flattened(Shape s) {
    return List.of(s.n(), s.c() * s.h() * s.w());
  }

  private static float[] rows(float[] w, int k, boolean transposed, float alpha) {
    int features = w.length / k;
    float[] rows = new float[w.length];
    for (int i = 0; i < w.length; i++) {
      rows[i] = alpha * w[transposed ? i : i % features * k + i / features];
    }
    return rows;
  }

  private static float[] spread(float[] bias, int k, float beta) {
    float[] all = new float[k];
    for (int i = 0; i < k; i++) {
      all[i] = beta * bias[bias.length == 1 ? 0 : i];
    }
    return all;
  }
}
