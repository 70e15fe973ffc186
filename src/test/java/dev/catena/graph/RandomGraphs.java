package dev.catena.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Small graphs that nobody would write: values read long after they were concatenated, twice in one
 * concatenation, never; sums of a value with itself; pools of every kind; odd channels and batches.
 */
public final class RandomGraphs {
  private static final int MOST_CHANNELS = 60;

  private final Random random;
  private final GraphBuilder g;
  private final List<Value> values = new ArrayList<>();

  private RandomGraphs(long seed) {
    random = new Random(seed);
    g = new GraphBuilder("random" + seed, DType.FP32);
  }

  /** The fp32 graph of {@code seed}. */
  public static Graph graph(long seed) {
    return new RandomGraphs(seed).build();
  }

  /** Values of a parameter: neither large nor small, variances positive. */
  public static float[] parameter(Node node) {
    Random random = new Random(node.name().hashCode());
    float from = node.name().endsWith("running_var") ? 0.5f : -0.45f;
    float[] values = new float[Math.toIntExact(node.output().shape().elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = from + random.nextFloat();
    }
    return values;
  }

  /** A batch for {@code graph}, N,C,H,W. */
  public static float[] batch(Graph graph) {
    Random random = new Random(graph.name().hashCode());
    long elements = graph.inputs().getFirst().shape().elements();
    float[] values = new float[Math.toIntExact(elements)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private Graph build() {
    values.add(g.input(from(1, 7), from(1, 6), from(4, 8), from(4, 8)));
    int layers = from(3, 16);
    for (int i = 0; i < layers; i++) {
      boolean deeper = random.nextInt(3) > 0;
      values.add(layer("l" + i, deeper ? values.getLast() : any(values)));
    }
    Value last = values.getLast();
    return g.build(
        random.nextBoolean() ? last : g.linear("fc", g.globalAveragePool("mean", last), 3));
  }

  private Value layer(String name, Value x) {
    return switch (random.nextInt(14)) {
      case 0 -> g.conv(name, x, from(1, 9), 1, 1, 0);
      case 1 -> g.conv(name, x, from(1, 9), 3, from(1, 2), 1);
      case 2 ->
          g.conv(name, x, from(1, 9), Op.Conv.of(1, 1, 0).withEpilogue(true, random.nextBoolean()));
      case 3, 4 -> g.batchNorm(name, x);
      case 5, 6 -> g.relu(name, x);
      case 7 -> g.dropout(name, x, 0.3f);
      case 8 -> g.add(name, x, any(values.stream().filter(v -> same(v, x)).toList()));
      case 9 -> pool(name, x);
      case 10, 11 -> residual(name, x);
      case 12 -> {
        Value gate =
            g.conv(name + ".gate", g.globalAveragePool(name + ".mean", x), x.shape().c(), 1, 1, 0);
        yield g.scaleChannels(name, x, random.nextBoolean() ? gate : g.sigmoid(name + ".s", gate));
      }
      default -> concat(name, x);
    };
  }

  private Value pool(String name, Value x) {
    if (x.shape().h() < 3 || x.shape().w() < 3) {
      return g.relu(name, x);
    }
    boolean max = random.nextBoolean();
    Op.Window axis = Op.Window.of(from(2, 3), from(1, 2), from(0, 1));
    return g.add(
        name,
        new Op.Pool(
            max ? Op.PoolKind.MAX : Op.PoolKind.AVERAGE,
            axis,
            axis,
            random.nextBoolean(),
            !max && random.nextBoolean(),
            Op.Prologue.NONE),
        x);
  }

  /** A block with a shortcut of any kind. */
  private Value residual(String name, Value x) {
    int stride = from(1, Math.min(2, Math.min(x.shape().h(), x.shape().w())));
    Value f = g.conv(name + ".f", x, x.shape().c() + from(0, 3), 3, stride, 1);
    f = random.nextInt(3) > 0 ? f : g.stochasticDepth(name + ".depth", f, 0.75f);
    Value s = stride == 1 ? x : g.subsample(name + ".s", x);
    s = stride == 1 || random.nextBoolean() ? s : g.ceilAveragePool(name + ".a", x, 2, 2, 0);
    s = random.nextInt(3) > 0 ? s : g.scale(name + ".scale", s, 0.5f);
    s = g.padChannels(name + ".pad", s, f.shape().c());
    return random.nextBoolean() ? g.add(name, f, s) : g.add(name, s, f);
  }

  /** Some with a prefix of what was there before, as a dense block has them; the others wild. */
  private Value concat(String name, Value x) {
    List<Value> fitting =
        values.stream().filter(v -> same(v.shape().withChannels(1), x.shape())).toList();
    int count = from(2, 4);
    List<Value> parts = new ArrayList<>();
    if (random.nextBoolean()) {
      parts.addAll(fitting.subList(0, Math.min(count, fitting.size())));
    } else {
      for (int i = 0; i < count; i++) {
        parts.add(any(fitting));
      }
    }
    int channels = parts.stream().mapToInt(part -> part.shape().c()).sum();
    return channels > MOST_CHANNELS ? g.relu(name, x) : g.concat(name, parts);
  }

  private static boolean same(Value a, Value b) {
    return a.shape().equals(b.shape());
  }

  private static boolean same(Shape oneChannel, Shape x) {
    return oneChannel.equals(x.withChannels(1));
  }

  private Value any(List<Value> of) {
    return of.get(random.nextInt(of.size()));
  }

  private int from(int least, int most) {
    return least + random.nextInt(most - least + 1);
  }
}
