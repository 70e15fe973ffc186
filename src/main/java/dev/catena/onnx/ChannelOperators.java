package dev.catena.onnx;

import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Operators that join, choose, pad or compare channels. */
final class ChannelOperators {
  private static final int NO_CHANNEL = -1;

  /** Far more than any network has. */
  private static final int MOST_CHANNELS = 1 << 16;

  /** Weights of a convolution that chooses channels: a few bytes must not ask for all memory. */
  private static final int MOST_ONES = 1 << 24;

  /** Indices that are taken one by one; more channels by a convolution of ones. */
  private static final int MOST_RUNS = 8;

  private ChannelOperators() {}

  static Term concat(GraphImport graph, OnnxNode node) {
    int count = node.inputs().size();
    List<Term> parts = IntStream.range(0, count).mapToObj(i -> graph.term(node, i)).toList();
    int axis = ShapeOperators.axis(node.integer("axis", 1), parts.getFirst().dims().size());
    boolean images = parts.stream().allMatch(p -> p instanceof Term.Live x && x.aligned());
    if (axis != 1 || !images) {
      return RowOperators.concat(graph, node, parts, axis);
    }
    Term.Live first = (Term.Live) parts.getFirst();
    Value[] values = parts.stream().map(p -> ((Term.Live) p).value()).toArray(Value[]::new);
    return count == 1 ? first : first.made(graph.add(node, new Op.Concat(), values));
  }

  /** ONNX's window begins at c − ⌊(size − 1)/2⌋, the graph's at c − ⌊size/2⌋. */
  static Term localResponseNorm(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    int size = node.integer("size", 0);
    if (size % 2 == 0) {
      throw new Unsupported("its window has " + size + " channels, which have no middle");
    }
    Op norm =
        new Op.LocalResponseNorm(
            size, node.number("alpha", 1e-4f), node.number("beta", 0.75f), node.number("bias", 1));
    return x.made(graph.add(node, norm, x.value()));
  }

  /** Channels of zeros before and behind those of {@code x}. */
  static Term.Live padChannels(
      GraphImport graph, OnnxNode node, Term.Live x, int before, int behind) {
    int channels = x.value().shape().c();
    int all = Math.addExact(Math.addExact(before, channels), behind);
    if (all > Math.max(channels, MOST_CHANNELS)) {
      throw new Unsupported("it makes more than " + MOST_CHANNELS + " channels");
    }
    if (before != 0 || behind < 0) {
      return select(
          graph,
          node,
          x,
          IntStream.range(0, all).map(k -> k - before).map(c -> c < channels ? c : NO_CHANNEL));
    }
    return behind == 0 ? x : x.made(graph.add(node, new Op.PadChannels(all), x.value()));
  }

  /** What a Slice takes of any value, where it lies. */
  static Term picked(GraphImport graph, OnnxNode node, Term x) {
    List<Picks> picks =
        Picks.of(node, x.dims(), i -> node.has(i) ? graph.known(node, i).integers() : null);
    Term made = x;
    for (int axis = 0; axis < picks.size(); axis++) {
      if (!picks.get(axis).all(x.dims().get(axis))) {
        List<Integer> indices = picks.get(axis).indices().boxed().toList();
        made = RowOperators.pick(graph, node, made, axis, indices);
      }
    }
    return made;
  }

  /** Channels, part by part. */
  static List<Term> split(GraphImport graph, OnnxNode node) {
    Term given = graph.term(node, 0);
    int axis = ShapeOperators.axis(node.integer("axis", 0), given.dims().size());
    if (axis != 1 || !(given instanceof Term.Live live && live.aligned())) {
      List<Term> parts = new ArrayList<>();
      int first = 0;
      for (int width : widths(graph, node, given.dims().get(axis))) {
        List<Integer> indices = IntStream.range(first, first + width).boxed().toList();
        parts.add(RowOperators.pick(graph, node, given, axis, indices));
        first += width;
      }
      return parts;
    }
    Term.Live x = graph.aligned(node, 0);
    int channels = x.value().shape().c();
    List<Term> parts = new ArrayList<>();
    int first = 0;
    for (int width : widths(graph, node, channels)) {
      int begin = first;
      parts.add(select(graph, node, x, IntStream.range(0, width).map(i -> begin + i)));
      first += width;
    }
    return parts;
  }

  /** Given by an attribute or, since opset 13, an input; else equal but for the last. */
  private static List<Integer> widths(GraphImport graph, OnnxNode node, int channels) {
    List<Integer> given =
        node.has(1)
            ? graph.known(node, 1).integers().stream().map(Math::toIntExact).toList()
            : node.integers("split", List.of());
    int parts = node.outputs().size();
    int width = Math.ceilDiv(channels, parts);
    List<Integer> widths =
        given.isEmpty()
            ? IntStream.range(0, parts)
                .mapToObj(i -> Math.min(width, channels - i * width))
                .toList()
            : given;
    boolean whole = widths.stream().mapToLong(w -> w).sum() == channels;
    if (!whole || widths.size() != parts || widths.stream().anyMatch(w -> w < 1)) {
      throw new Unsupported("it splits " + channels + " channels into " + widths);
    }
    return widths;
  }

  /** Constant indices of an axis; the axes of the indices take its place. */
  static Term gather(GraphImport graph, OnnxNode node) {
    Term x = graph.term(node, 0);
    OnnxTensor indices = graph.known(node, 1);
    int axis = ShapeOperators.axis(node.integer("axis", 0), x.dims().size());
    int extent = x.dims().get(axis);
    List<Integer> chosen =
        indices.integers().stream()
            .map(i -> ShapeOperators.axis(Math.toIntExact(i), extent))
            .toList();
    List<Integer> dims = new ArrayList<>(x.dims());
    dims.remove(/* index */ axis);
    dims.addAll(axis, indices.dims());
    boolean runs = chosen.size() <= MOST_RUNS || !(x instanceof Term.Live);
    boolean channels = axis == 1 && x instanceof Term.Live live && live.aligned() && !runs;
    return channels
        ? select(graph, node, (Term.Live) x, chosen.stream().mapToInt(i -> i)).as(dims)
        : RowOperators.pick(graph, node, x, axis, chosen).as(dims);
  }

  /** Channel k of the result is the k-th of {@code chosen}, or zero: a 1x1 convolution by ones. */
  static Term.Live select(GraphImport graph, OnnxNode node, Term.Live x, IntStream chosen) {
    int[] from = chosen.limit(MOST_CHANNELS + 1).toArray();
    if (from.length > MOST_CHANNELS) {
      throw new Unsupported("it makes more than " + MOST_CHANNELS + " channels");
    }
    int channels = x.value().shape().c();
    if ((long) from.length * channels > MOST_ONES) {
      throw new Unsupported("it makes " + from.length + " channels of " + channels);
    }
    Shape shape = Shape.of(from.length, channels, 1, 1);
    double[] ones = new double[from.length * channels];
    for (int k = 0; k < from.length; k++) {
      if (from[k] >= 0) {
        ones[k * channels + from[k]] = 1;
      }
    }
    return LayerOperators.convolve(graph, node, x, Windows.POINTS, 1, filters(node, shape, ones));
  }

  private static LayerOperators.Filters filters(OnnxNode node, Shape shape, double[] ones) {
    OnnxTensor tensor = OnnxTensor.of(shape.dims(), OnnxTensor.Type.FLOAT, ones);
    return new LayerOperators.Filters(shape, tensor.named(node.name() + ".weight"));
  }
}
