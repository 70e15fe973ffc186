package dev.catena.rewrite;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Op;
import dev.catena.graph.Value;
import dev.catena.model.DenseNet;
import java.util.List;
import java.util.function.BiFunction;

/** Small networks, each about one thing that training does. */
public final class Pieces {
  /** Of all but the DenseNet. */
  public static final int CLASSES = 3;

  private static final int BATCH = 2;

  private Pieces() {}

  /** A piece of a network between a convolution and the classifier. */
  public record Piece(String name, BiFunction<GraphBuilder, Value, Value> layers) {
    /** The whole network. */
    public Graph network() {
      GraphBuilder g = new GraphBuilder(name, DType.FP32);
      Value x = g.conv("stem", g.input(BATCH, 3, 7, 6), 4, Op.Conv.of(3, 1, 1));
      x = layers.apply(g, x);
      x = g.globalAveragePool("mean", x);
      return g.build(g.linear("classifier", x, CLASSES));
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** One or more for each operation. */
  public static List<Piece> all() {
    return List.of(
        new Piece("nothing", (_, x) -> x),
        new Piece("relu", (g, x) -> g.relu("r", x)),
        new Piece("norm", (g, x) -> g.batchNorm("n", x)),
        new Piece("norm, relu", (g, x) -> g.relu("r", g.batchNorm("n", x))),
        new Piece("norm, conv", (g, x) -> g.conv("c", g.batchNorm("n", x), 4, 3, 2, 1)),
        new Piece(
            "norm, relu, conv",
            (g, x) -> g.conv("c", g.relu("r", g.batchNorm("n", x)), 5, 3, 1, 1)),
        new Piece(
            "conv with bias, relu",
            (g, x) ->
                g.relu("r", g.conv("c", x, 4, Op.Conv.of(3, 2, 0).withEpilogue(true, false)))),
        new Piece(
            "grouped, oblong conv",
            (g, x) ->
                g.conv("c", x, 6, new Op.Conv(3, 1, 2, 1, 0, 2, Op.Prologue.NONE, false, false))),
        new Piece("two norms of one value", (g, x) -> g.add("a", norm(g, "m", x), norm(g, "n", x))),
        new Piece("sum with itself", (g, x) -> g.relu("r", g.add("a", x, x))),
        new Piece(
            "residual",
            (g, x) -> g.relu("r", g.add("a", x, g.conv("c", g.relu("q", x), 4, 3, 1, 1)))),
        new Piece(
            "zero-padded identity",
            (g, x) ->
                g.relu("r", g.add("a", g.conv("c", x, 7, 3, 1, 1), g.padChannels("z", x, 7)))),
        new Piece(
            "zero-padded subsampling",
            (g, x) -> {
              Value s = g.padChannels("z", g.subsample("s", x), 6);
              return g.add("a", g.conv("c", x, 6, 3, 2, 1), s);
            }),
        new Piece(
            "zero-padded mean with a partial window, normalised",
            (g, x) -> {
              Value s = g.padChannels("z", g.ceilAveragePool("s", x, 2, 2, 0), 6);
              return norm(g, "n", g.add("a", s, g.conv("c", x, 6, 3, 2, 1)));
            }),
        new Piece("max pool", (g, x) -> g.maxPool("p", x, 3, 2, 1)),
        new Piece(
            "norm, relu, max pool",
            (g, x) -> g.maxPool("p", g.relu("r", g.batchNorm("n", x)), 3, 2, 1)),
        new Piece(
            "norm, relu, mean, conv",
            (g, x) -> g.conv("c", g.averagePool("p", norm(g, "n", x), 2, 2, 0), 3, 1, 1, 0)),
        new Piece(
            "transition",
            (g, x) -> g.averagePool("p", g.conv("c", norm(g, "n", x), 3, 1, 1, 0), 2, 2, 0)),
        new Piece("padded mean", (g, x) -> g.averagePool("p", x, 3, 2, 1)),
        new Piece("partial mean", (g, x) -> g.add("p", pool(true, false), x)),
        new Piece("partial mean with padding", (g, x) -> g.add("p", pool(true, true), x)),
        new Piece("dropout", (g, x) -> g.relu("r", g.dropout("d", g.batchNorm("n", x), 0.3f))),
        new Piece("dropped images", (g, x) -> g.add("a", x, g.stochasticDepth("d", x, 0.4f))),
        new Piece(
            "scaled", (g, x) -> g.add("a", g.scale("s", x, 0.3f), g.conv("c", x, 4, 3, 1, 1))),
        new Piece(
            "flattened",
            (g, x) -> g.linear("l", g.flatten("f", g.averagePool("p", x, 2, 2, 0)), 8)),
        new Piece("adaptive mean", (g, x) -> g.relu("r", g.adaptiveAveragePool("p", x, 3, 4))),
        new Piece("adaptive mean of less", (g, x) -> g.adaptiveAveragePool("p", x, 9, 6)),
        new Piece("response norm", (g, x) -> g.localResponseNorm("n", x, 3, 0.5f, 0.75f, 2)),
        new Piece("even response norm", (g, x) -> g.localResponseNorm("n", x, 2, 1, 0.5f, 1)),
        new Piece("sigmoid", (g, x) -> g.relu("r", g.add("a", x, g.sigmoid("s", x)))),
        new Piece(
            "clip",
            (g, x) -> g.clip("c", g.clip("b", x, -1, 1.5f), -0.5f, Float.POSITIVE_INFINITY)),
        new Piece("squeezed", Pieces::squeezed),
        new Piece("squeezed, residual", (g, x) -> g.relu("r", g.add("a", x, squeezed(g, x)))),
        new Piece(
            "auxiliary classifiers",
            (g, x) -> {
              Value y = g.conv("y", x, 4, 1, 1, 0);
              g.auxiliary("first", classifier(g, "first", x), 0.3f);
              g.auxiliary("second", classifier(g, "second", y), 0.7f);
              return g.conv("z", y, 4, 1, 1, 0);
            }),
        new Piece(
            "a value in two concatenations",
            (g, x) -> {
              Value a = g.conv("a", x, 4, 1, 1, 0);
              Value xa = norm(g, "n", g.concat("xa", List.of(x, a)));
              return g.add("s", xa, norm(g, "m", g.concat("ax", List.of(a, x))));
            }),
        new Piece(
            "a gradient that is read after it was added to another",
            (g, x) -> {
              Value z = g.conv("z", x, 4, 1, 1, 0);
              Value y = g.conv("y", x, 4, 1, 1, 0);
              Value c = g.relu("r", g.conv("c", y, 4, 3, 1, 1));
              return g.add("t", g.add("s", y, z), c);
            }),
        new Piece(
            "a gradient that is added to its own",
            (g, x) -> g.add("s", x, g.conv("c", x, 4, 1, 1, 0))),
        new Piece(
            "normalised before it was concatenated, convolved after",
            (g, x) -> {
              Value a = g.conv("a", x, 4, 1, 1, 0);
              Value n = norm(g, "n", a);
              Value xa = g.concat("xa", List.of(x, a));
              return g.add("s", xa, g.conv("b", n, 8, 3, 1, 1));
            }),
        new Piece(
            "dense block",
            (g, x) -> {
              Value a = g.conv("a", norm(g, "n", x), 4, 3, 1, 1);
              Value xa = g.concat("xa", List.of(x, a));
              Value b = g.conv("b", norm(g, "m", xa), 4, 3, 1, 1);
              return norm(g, "o", g.concat("xab", List.of(x, a, b)));
            }));
  }

  private static Value squeezed(GraphBuilder g, Value x) {
    Value z = g.conv("z", x, 4, 3, 1, 1);
    Value gate = g.conv("gate", g.globalAveragePool("squeeze", z), 4, 1, 1, 0);
    return g.scaleChannels("scale", z, g.sigmoid("sigmoid", gate));
  }

  private static Value classifier(GraphBuilder g, String name, Value x) {
    return g.linear(name + ".fc", g.globalAveragePool(name + ".mean", x), CLASSES);
  }

  private static Value norm(GraphBuilder g, String name, Value x) {
    return g.relu(name + ".relu", g.batchNorm(name, x));
  }

  private static Op pool(boolean ceil, boolean includePad) {
    Op.Window axis = Op.Window.of(3, 2, 1);
    return new Op.Pool(Op.PoolKind.AVERAGE, axis, axis, ceil, includePad, Op.Prologue.NONE);
  }

  /** Two blocks of two layers, growth 4, 8x8 images, dropout; ten classes. */
  public static Graph tinyDenseNet() {
    return new DenseNet("tiny", List.of(2, 2), 4, 8, true, 0.5, false, 0.2f)
        .graph(BATCH, 8, 8, DType.FP32);
  }
}
