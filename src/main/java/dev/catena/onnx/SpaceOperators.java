package dev.catena.onnx;

import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.onnx.OnnxOperator.Unsupported;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Operators that pad, crop and resize images, or exchange channels for pixels. */
final class SpaceOperators {
  /** A coordinate outside of any image. */
  private static final float OUTSIDE = -1;

  /** Far more than any image has: a few bytes must not ask for all memory. */
  private static final int MOST_PIXELS = 1 << 20;

  private SpaceOperators() {}

  private static int bounded(int pixels) {
    if (pixels > MOST_PIXELS) {
      throw new Unsupported("it makes more than " + MOST_PIXELS + " pixels in a row");
    }
    return Math.max(pixels, 0);
  }

  // ---- padding and choosing -------------------------------------------------------------------

  /** Channels are padded by zeros alone. */
  static Term pad(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    String mode = node.text("mode", "constant");
    float value = node.has(2) ? graph.known(node, 2).floats()[0] : node.number("value", 0);
    int rank = x.dims().size();
    List<Integer> pads = pads(graph, node, rank);
    boolean channels = rank > 1 && (pads.get(1) != 0 || pads.get(rank + 1) != 0);
    if (pads.size() != 2 * rank
        || pads.get(0) != 0
        || pads.get(rank) != 0
        || channels && (!mode.equals("constant") || value != 0)) {
      throw new Unsupported(
          "its padding of %s is %s, mode %s, value %s".formatted(x.dims(), pads, mode, value));
    }
    Term.Live padded =
        ChannelOperators.padChannels(
            graph, node, x, rank > 1 ? pads.get(1) : 0, rank > 1 ? pads.get(rank + 1) : 0);
    List<List<Float>> places = new ArrayList<>();
    for (int axis = 2; axis < rank; axis++) {
      int extent = x.dims().get(axis);
      int begin = pads.get(axis);
      int all = Math.addExact(Math.addExact(begin, extent), pads.get(rank + axis));
      IntUnaryOperator from = border(mode, extent);
      places.add(
          IntStream.range(0, bounded(all))
              .map(i -> from.applyAsInt(i - begin))
              .mapToObj(i -> (float) i)
              .toList());
    }
    return sample(graph, node, padded, places, value);
  }

  /** Where a pixel beyond the border of {@code extent} pixels comes from. */
  private static IntUnaryOperator border(String mode, int extent) {
    int period = Math.max(1, 2 * (extent - 1));
    return switch (mode) {
      case "constant" -> i -> i >= 0 && i < extent ? i : (int) OUTSIDE;
      case "edge" -> i -> Math.clamp(i, 0, extent - 1);
      case "wrap" -> i -> Math.floorMod(i, extent);
      case "reflect" -> i -> extent - 1 - Math.abs(extent - 1 - Math.floorMod(i, period));
      default -> throw new Unsupported("its mode is " + mode);
    };
  }

  /** Before all axes, then behind them; since opset 18 only some may be given. */
  private static List<Integer> pads(GraphImport graph, OnnxNode node, int rank) {
    List<Integer> given =
        node.hasAttribute("pads")
            ? node.integers("pads", List.of())
            : graph.known(node, 1).integers().stream().map(Math::toIntExact).toList();
    if (!node.has(3)) {
      return given;
    }
    List<Long> axes = graph.known(node, 3).integers();
    Integer[] pads = new Integer[2 * rank];
    Arrays.fill(pads, 0);
    for (int i = 0; i < axes.size(); i++) {
      int axis = ShapeOperators.axis(Math.toIntExact(axes.get(i)), rank);
      pads[axis] = given.get(i);
      pads[axis + rank] = given.get(i + axes.size());
    }
    return List.of(pads);
  }

  /**
   * Of channels any, of rows and columns too. Every so many from the first on wait for a second
   * Slice, for exporters slice one axis after the other.
   */
  static Term slice(GraphImport graph, OnnxNode node) {
    Term term = graph.given(node, 0);
    if (term instanceof Term.Walked || term.dims().size() != 4) {
      return ChannelOperators.picked(graph, node, term);
    }
    Term.Sliced x =
        term instanceof Term.Sliced sliced
            ? sliced
            : new Term.Sliced(graph.aligned(node, 0), 1, 1, term.dims());
    List<Integer> dims = x.dims();
    List<Picks> picks =
        Picks.of(node, dims, i -> node.has(i) ? graph.known(node, i).integers() : null);
    int rank = picks.size();
    if (!picks.getFirst().all(dims.getFirst())) {
      throw new Unsupported("of the images it takes " + picks.getFirst());
    }
    boolean every = IntStream.range(2, rank).allMatch(i -> picks.get(i).every(dims.get(i)));
    Term.Live whole = every ? x.whole() : graph.live(node, 0);
    if (!picks.get(1).all(dims.get(1))) {
      whole = ChannelOperators.select(graph, node, whole, picks.get(1).indices());
    }
    if (!every) {
      return sample(graph, node, whole, picks.stream().skip(2).map(Picks::coordinates).toList(), 0);
    }
    int stepH = rank == 4 ? x.stepH() * picks.get(2).step() : 1;
    int stepW = rank > 2 ? x.stepW() * picks.getLast().step() : 1;
    Term.Sliced made =
        new Term.Sliced(whole, stepH, stepW, picks.stream().map(Picks::count).toList());
    return stepH == stepW ? graph.sliced(node.name(), made) : made;
  }

  /** The pixels of {@code x} at {@code places}, coordinates along each axis of its images. */
  private static Term.Live sample(
      GraphImport graph, OnnxNode node, Term.Live x, List<List<Float>> places, float fill) {
    Shape image = x.value().shape();
    List<Float> columns = places.isEmpty() ? all(image.w()) : places.getLast();
    List<Float> rows = places.size() < 2 ? all(image.h()) : places.getFirst();
    if (rows.isEmpty() || columns.isEmpty()) {
      throw new Unsupported("nothing is left of " + x.dims());
    }
    if (rows.equals(all(image.h())) && columns.equals(all(image.w()))) {
      return x;
    }
    Value down = graph.add(node.name() + ".rows", new Op.Coordinates(rows));
    Value across = graph.add(node.name() + ".columns", new Op.Coordinates(columns));
    return x.made(graph.add(node, new Op.Sample(fill), x.value(), down, across));
  }

  private static List<Float> all(int extent) {
    return IntStream.range(0, extent).mapToObj(i -> (float) i).toList();
  }

  // ---- resizing -------------------------------------------------------------------------------

  /** By factors before opset 11; then by factors or to sizes. */
  static Term resize(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    boolean old = node.inputs().size() == 2;
    int scales = old ? 1 : 2;
    int rank = x.dims().size();
    List<Integer> axes = node.integers("axes", IntStream.range(0, rank).boxed().toList());
    boolean sized = node.has(3) && graph.known(node, 3).elements() > 0;
    if (node.integer("antialias", 0) != 0
        || !node.text("keep_aspect_ratio_policy", "stretch").equals("stretch")) {
      throw new Unsupported("it keeps the aspect ratio, or smooths before it resizes");
    }
    float[] factors = sized ? graph.known(node, 3).floats() : graph.known(node, scales).floats();
    float[] region = node.has(1) && !old ? graph.known(node, 1).floats() : new float[0];
    String mode = old ? "asymmetric" : "half_pixel";
    List<Resizing> all = new ArrayList<>();
    for (int axis = 0; axis < rank; axis++) {
      int in = x.dims().get(axis);
      int at = axes.stream().map(a -> ShapeOperators.axis(a, rank)).toList().indexOf(axis);
      float factor = at < 0 ? 1 : sized ? factors[at] / in : factors[at];
      int out = at < 0 ? in : sized ? (int) factors[at] : (int) Math.floor(in * factor);
      boolean part = at >= 0 && region.length == 2 * axes.size();
      all.add(
          new Resizing(
              node.text("coordinate_transformation_mode", mode),
              in,
              out,
              factor,
              part ? region[at] : 0,
              part ? region[at + axes.size()] : 1));
    }
    return resized(graph, node, x, all, node.text("nearest_mode", old ? "floor" : "prefer"));
  }

  /** By factors, nearest from below. */
  static Term upsample(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    List<Float> given = node.numbers("scales");
    float[] factors = node.has(1) ? graph.known(node, 1).floats() : new float[given.size()];
    for (int i = 0; i < given.size(); i++) {
      factors[i] = given.get(i);
    }
    List<Resizing> all = new ArrayList<>();
    for (int axis = 0; axis < x.dims().size(); axis++) {
      int in = x.dims().get(axis);
      int out = (int) Math.floor(in * factors[axis]);
      all.add(new Resizing("asymmetric", in, out, factors[axis], 0, 1));
    }
    return resized(graph, node, x, all, "floor");
  }

  private static Term resized(
      GraphImport graph, OnnxNode node, Term.Live x, List<Resizing> axes, String nearest) {
    String mode = node.text("mode", "nearest");
    boolean linear = mode.equals("linear") || mode.equals("bilinear");
    if (!linear && !mode.equals("nearest")) {
      throw new Unsupported("it interpolates by " + mode);
    }
    if (axes.stream().limit(2).anyMatch(axis -> axis.in() != axis.out())) {
      throw new Unsupported("it resizes channels or the batch");
    }
    List<List<Float>> places =
        axes.stream().skip(2).map(axis -> axis.coordinates(linear ? "" : nearest)).toList();
    return sample(graph, node, x, places, node.number("extrapolation_value", 0));
  }

  /**
   * One axis of a Resize.
   *
   * @param mode how a place of the output becomes one of the input
   * @param in pixels of the input
   * @param out pixels of the output
   * @param scale the given factor
   * @param start of the region that is resized, as a share of the input
   * @param end of the region
   */
  private record Resizing(String mode, int in, int out, float scale, float start, float end) {
    /** Where each pixel comes from; rounded as {@code nearest} says unless that is empty. */
    List<Float> coordinates(String nearest) {
      List<Float> all = new ArrayList<>();
      for (int i = 0; i < bounded(out); i++) {
        float at = original(i);
        boolean outside = mode.equals("tf_crop_and_resize") && (at < 0 || at > in - 1);
        float rounded = (float) rounded(at, nearest);
        all.add(outside ? OUTSIDE : Math.clamp(rounded, 0, in - 1));
      }
      return all;
    }

    private float original(int i) {
      float halves = (i + 0.5f) / scale - 0.5f;
      return switch (mode) {
        case "half_pixel" -> halves;
        case "pytorch_half_pixel" -> out > 1 ? halves : 0;
        case "half_pixel_symmetric" -> in / 2f * (1 - out / (scale * in)) + halves;
        case "asymmetric" -> i / scale;
        case "align_corners" -> out == 1 ? 0 : (float) i * (in - 1) / (out - 1);
        case "tf_half_pixel_for_nn" -> (i + 0.5f) / scale;
        case "tf_crop_and_resize" ->
            out > 1
                ? start * (in - 1) + i * (end - start) * (in - 1) / (out - 1)
                : 0.5f * (start + end) * (in - 1);
        default -> throw new Unsupported("its coordinate_transformation_mode is " + mode);
      };
    }

    private static double rounded(float at, String nearest) {
      return switch (nearest) {
        case "" -> at;
        case "prefer", "round_prefer_floor" -> Math.ceil(at - 0.5);
        case "round_prefer_ceil" -> Math.floor(at + 0.5);
        case "floor" -> Math.floor(at);
        case "ceil" -> Math.ceil(at);
        default -> throw new Unsupported("its nearest_mode is " + nearest);
      };
    }
  }

  // ---- writing --------------------------------------------------------------------------------

  /**
   * How many pixels lie before and behind those of an axis, negative where some are left out; empty
   * if others are between them.
   */
  static int[] pads(List<Float> places, int extent) {
    List<Float> inside = places.stream().filter(at -> at != OUTSIDE).toList();
    int before = inside.isEmpty() ? 0 : places.indexOf(inside.getFirst());
    for (int i = 0; i < inside.size(); i++) {
      float at = inside.getFirst() + i;
      if (inside.get(i) != at || places.get(before + i) != at || at != (int) at) {
        return new int[0];
      }
    }
    int behind = places.size() - before - inside.size();
    int left = inside.isEmpty() ? 0 : (int) (float) inside.getFirst();
    int right = inside.isEmpty() ? extent : extent - left - inside.size();
    boolean both = left > 0 && before > 0 || right > 0 && behind > 0;
    return both ? new int[0] : new int[] {before - left, behind - right};
  }

  /** Whether all are pixels of an axis. */
  static boolean whole(List<Float> places, int extent) {
    return places.stream().allMatch(at -> at == Math.rint(at) && at >= 0 && at < extent);
  }

  /** How a Resize by the ratio of the extents finds these places, interpolating. */
  static Optional<String> linear(List<Float> rows, int h, List<Float> columns, int w) {
    return Stream.of("half_pixel", "align_corners", "asymmetric")
        .filter(mode -> resizing(mode, h, rows.size()).equals(rows))
        .filter(mode -> resizing(mode, w, columns.size()).equals(columns))
        .findFirst();
  }

  /** The factor from {@code in} to {@code out} pixels: ONNX rounds their product down. */
  static float scale(int in, int out) {
    float scale = (float) out / in;
    while ((int) Math.floor(in * scale) < out) {
      scale = Math.nextUp(scale);
    }
    return scale;
  }

  private static List<Float> resizing(String mode, int in, int out) {
    return new Resizing(mode, in, out, (float) out / in, 0, 1).coordinates("");
  }

  // ---- channels and pixels --------------------------------------------------------------------

  static Term depthToSpace(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    Shape v = x.value().shape();
    int block = block(node, x);
    int channels = divided(v.c(), block * block);
    List<Integer> dims = List.of(v.n(), channels, v.h() * block, v.w() * block);
    boolean columnsFirst = node.text("mode", "DCR").equals("CRD");
    List<Integer> read =
        columnsFirst
            ? List.of(v.n(), channels, block, block, v.h(), v.w())
            : List.of(v.n(), block, block, channels, v.h(), v.w());
    List<Integer> order = columnsFirst ? List.of(0, 1, 4, 2, 5, 3) : List.of(0, 3, 4, 1, 5, 2);
    return Arrangement.split(graph, node, x.as(read)).ordered(order).term().as(dims);
  }

  static Term spaceToDepth(GraphImport graph, OnnxNode node) {
    Term.Live x = graph.aligned(node, 0);
    Shape v = x.value().shape();
    int block = block(node, x);
    int h = divided(v.h(), block);
    int w = divided(v.w(), block);
    List<Integer> dims = List.of(v.n(), v.c() * block * block, h, w);
    Term read = x.as(List.of(v.n(), v.c(), h, block, w, block));
    List<Integer> order = List.of(0, 3, 5, 1, 2, 4);
    return Arrangement.split(graph, node, read).ordered(order).term().as(dims);
  }

  private static int block(OnnxNode node, Term.Live x) {
    int block = node.integer("blocksize", 0);
    if (block < 1 || x.dims().size() != 4) {
      throw new Unsupported("its blocks of " + x.dims() + " are " + block);
    }
    return block;
  }

  private static int divided(int extent, int by) {
    if (extent % by != 0) {
      throw new Unsupported(extent + " is no multiple of " + by);
    }
    return extent / by;
  }
}
