package dev.catena.graph;

import dev.catena.error.GraphException;
import java.util.ArrayList;
import java.util.List;

/**
 * Builds a graph layer by layer; model files and users call the same methods.
 *
 * <p>A layer's name prefixes its parameters: {@code conv("conv0", …)} reads {@code conv0.weight}.
 * Not thread-safe; a builder makes one graph.
 */
public final class GraphBuilder {
  private static final int MOST = Integer.MAX_VALUE;

  private final String name;
  private final DType dtype;
  private final List<Value> inputs = new ArrayList<>();
  private final List<Node> nodes = new ArrayList<>();
  private int nextId;

  /**
   * A builder of an empty graph.
   *
   * @param name of the graph
   * @param dtype in which activations are stored
   */
  public GraphBuilder(String name, DType dtype) {
    this.name = name;
    this.dtype = dtype;
  }

  /** The user's batch, fp32 N,C,H,W, converted to an activation. */
  public Value input(int n, int c, int h, int w) {
    Value batch = value("input", shape("input", n, h, w, c), DType.FP32, Layout.NCHW);
    inputs.add(batch);
    return add("input.nhwc", new Op.FromNchw(), batch);
  }

  /** A square convolution without bias; He initialisation. */
  public Value conv(String layer, Value x, int channels, int kernel, int stride, int pad) {
    return conv(layer, x, channels, Op.Conv.of(kernel, stride, pad));
  }

  /** A square convolution with bias; He initialisation. */
  public Value biasedConv(String layer, Value x, int channels, int kernel, int stride, int pad) {
    return conv(layer, x, channels, Op.Conv.of(kernel, stride, pad).withEpilogue(true, false));
  }

  /** A convolution as {@code conv} says; with a bias if it says so. */
  public Value conv(String layer, Value x, int channels, Op.Conv conv) {
    int inputs = channels(layer, x);
    if (conv.groups() < 1 || inputs % conv.groups() != 0) {
      throw new GraphException(
          layer + ": " + inputs + " channels do not make " + conv.groups() + " groups");
    }
    Shape filters = shape(layer, channels, inputs / conv.groups(), conv.kernelH(), conv.kernelW());
    long fan = filters.elements() / channels;
    List<Value> in = new ArrayList<>();
    in.add(x);
    in.add(parameter(layer + ".weight", filters, new Init.HeNormal(Math.clamp(fan, 1, MOST))));
    if (conv.bias()) {
      in.add(parameter(layer + ".bias", Shape.of(channels), new Init.Constant(0)));
    }
    return add(layer, conv, in.toArray(Value[]::new));
  }

  /** Batch normalisation with ε = 1e-5. */
  public Value batchNorm(String layer, Value x) {
    return batchNorm(layer, x, 1e-5f);
  }

  /** Batch normalisation with the given ε. */
  public Value batchNorm(String layer, Value x, float epsilon) {
    Shape c = Shape.of(channels(layer, x));
    Value gamma = parameter(layer + ".weight", c, new Init.Constant(1));
    Value beta = parameter(layer + ".bias", c, new Init.Constant(0));
    Value mean = parameter(layer + ".running_mean", c, new Init.Constant(0));
    Value variance = parameter(layer + ".running_var", c, new Init.Constant(1));
    return add(layer, new Op.BatchNorm(epsilon), x, gamma, beta, mean, variance);
  }

  /** max(0, x). */
  public Value relu(String layer, Value x) {
    return add(layer, new Op.Relu(), x);
  }

  /** x + y. */
  public Value add(String layer, Value x, Value y) {
    return add(layer, new Op.Add(false), x, y);
  }

  /** Channels of zeros behind those of x, up to {@code channels}. */
  public Value padChannels(String layer, Value x, int channels) {
    return channels == channels(layer, x) ? x : add(layer, new Op.PadChannels(channels), x);
  }

  /** Every second pixel of every second row. */
  public Value subsample(String layer, Value x) {
    return pool(layer, x, Op.PoolKind.MAX, 1, 2, 0);
  }

  /** The branch of a residual block, left out in training with probability 1 − survival. */
  public Value stochasticDepth(String layer, Value x, float survival) {
    return survival == 1 ? x : add(layer, new Op.StochasticDepth(survival), x);
  }

  /** Logits of a classifier that only training has, whose loss counts {@code weight} times. */
  public void auxiliary(String layer, Value logits, float weight) {
    add(layer, new Op.Auxiliary(weight), logits);
  }

  /** x times {@code factor}. */
  public Value scale(String layer, Value x, float factor) {
    return add(layer, new Op.Scale(factor), x);
  }

  /** 1 / (1 + exp(−x)). */
  public Value sigmoid(String layer, Value x) {
    return add(layer, new Op.Sigmoid(), x);
  }

  /** x between two bounds, of which one may be infinite; relu6 between 0 and 6. */
  public Value clip(String layer, Value x, float min, float max) {
    return add(layer, new Op.Clip(min, max), x);
  }

  /** Each channel of an image of x times that of {@code gate}, which is N,1,1,C. */
  public Value scaleChannels(String layer, Value x, Value gate) {
    return add(layer, Op.ScaleChannels.PLAIN, x, gate);
  }

  /** f(a, b); b may have one image, row, column or channel that all of a share. */
  public Value binary(String layer, BinaryFunction function, Value a, Value b) {
    return add(layer, Op.Binary.of(function, false, a.shape(), b.shape()), a, b);
  }

  /** x over a power of the squares around it, channel by channel. */
  public Value localResponseNorm(
      String layer, Value x, int size, float alpha, float beta, float k) {
    return add(layer, new Op.LocalResponseNorm(size, alpha, beta, k), x);
  }

  /** Maximum over windows. */
  public Value maxPool(String layer, Value x, int kernel, int stride, int pad) {
    return pool(layer, x, Op.PoolKind.MAX, kernel, stride, pad);
  }

  /** Mean over windows, padding not counted. */
  public Value averagePool(String layer, Value x, int kernel, int stride, int pad) {
    return pool(layer, x, Op.PoolKind.AVERAGE, kernel, stride, pad);
  }

  /** Maximum over windows, of which the last may be partial. */
  public Value ceilMaxPool(String layer, Value x, int kernel, int stride, int pad) {
    return pool(layer, x, Op.PoolKind.MAX, kernel, stride, pad, true);
  }

  /** Mean over windows, of which the last may be partial and divides by the pixels it has. */
  public Value ceilAveragePool(String layer, Value x, int kernel, int stride, int pad) {
    return pool(layer, x, Op.PoolKind.AVERAGE, kernel, stride, pad, true);
  }

  private Value pool(String layer, Value x, Op.PoolKind kind, int kernel, int stride, int pad) {
    return pool(layer, x, kind, kernel, stride, pad, false);
  }

  private Value pool(
      String layer, Value x, Op.PoolKind kind, int kernel, int stride, int pad, boolean ceil) {
    Op.Pool pool = Op.Pool.of(kind, kernel, stride, pad);
    return add(layer, ceil ? pool.withCeil() : pool, x);
  }

  /** Mean over as many windows as the output has pixels; x itself where it has as many. */
  public Value adaptiveAveragePool(String layer, Value x, int height, int width) {
    channels(layer, x);
    boolean same = x.shape().h() == height && x.shape().w() == width;
    return same ? x : add(layer, new Op.AdaptiveAveragePool(height, width), x);
  }

  /** N,1,1,C·H·W in the order C,H,W. */
  public Value flatten(String layer, Value x) {
    return add(layer, new Op.Flatten(), x);
  }

  /** Mean over all pixels: N,1,1,C. */
  public Value globalAveragePool(String layer, Value x) {
    return add(layer, new Op.GlobalAveragePool(Op.Prologue.NONE), x);
  }

  /** Channels of all values, one after the other. */
  public Value concat(String layer, List<Value> values) {
    return values.size() == 1
        ? values.getFirst()
        : add(layer, new Op.Concat(), values.toArray(Value[]::new));
  }

  /** A fully connected layer with bias; uniform initialisation on ±1/√fan. */
  public Value linear(String layer, Value x, int features) {
    int fan = channels(layer, x);
    Init init = new Init.Uniform((float) (1 / Math.sqrt(fan)));
    Value w = parameter(layer + ".weight", shape(layer, features, fan), init);
    Value b = parameter(layer + ".bias", Shape.of(features), new Init.Constant(0));
    return add(layer, new Op.Linear(), x, w, b);
  }

  /** Zero with {@code probability} in training. */
  public Value dropout(String layer, Value x, float probability) {
    return probability == 0 ? x : add(layer, new Op.Dropout(probability), x);
  }

  /** A tensor of the checkpoint. */
  public Value parameter(String tensor, Shape shape, Init init) {
    Value v = value(tensor, shape, DType.FP32, Layout.PARAMETER);
    nodes.add(new Node(tensor, new Op.Parameter(init), List.of(), v));
    return v;
  }

  /** Any operation on any inputs. */
  public Value add(String layer, Op op, Value... in) {
    Node node = Node.of(layer, op, List.of(in), dtype, () -> nextId++);
    nodes.add(node);
    return node.output();
  }

  /** The graph whose result is {@code result}, given to the user as fp32 N,C,H,W. */
  public Graph build(Value result) {
    Value output = add("output", new Op.ToNchw(), result);
    return new Graph(name, inputs, nodes, List.of(output));
  }

  private static int channels(String layer, Value x) {
    try {
      return x.shape().c();
    } catch (GraphException e) {
      throw e.at(layer);
    }
  }

  private static Shape shape(String layer, int... dims) {
    try {
      return Shape.of(dims);
    } catch (GraphException e) {
      throw e.at(layer);
    }
  }

  private Value value(String label, Shape shape, DType type, Layout layout) {
    return new Value(nextId++, label, shape, type, layout);
  }
}
