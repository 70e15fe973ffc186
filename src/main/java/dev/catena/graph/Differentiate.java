package dev.catena.graph;

import dev.catena.error.GraphException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reverse-mode differentiation, graph to graph: appends to a training graph the gradients of its
 * loss by all its parameters. Pure.
 *
 * <p>Backward operations read what the forward ones read; so a forward graph whose normalisations
 * are fused keeps nothing normalised, and what is kept is decided before. The backward pass of a
 * {@link Op.Join} is {@link TrainingOp.Slice}s: a dense block's gradients are ranges of one buffer.
 * Gradients of a value with several readers are added.
 *
 * <p>Batch normalisation is differentiated in two halves, through s and t to the statistics and
 * from the statistics to x. Where normalisations share their statistics ({@code ShareStatistics}),
 * the second half happens once for all of them: the deferred form, without a rule of its own.
 */
public final class Differentiate {
  private final Graph forward;
  private final List<Value> inputs;
  private final List<Node> nodes;
  private final Set<String> names = new HashSet<>();
  private final Map<String, Integer> numbers = new HashMap<>(); // what a taken name goes on with
  private final Set<Integer> active = new HashSet<>();
  private final Map<Integer, Value> gradients = new HashMap<>();
  private int nextId;

  private Differentiate(Graph forward) {
    this.forward = forward;
    inputs = new ArrayList<>(forward.inputs());
    nodes = new ArrayList<>(forward.nodes());
    inputs.forEach(v -> nextId = Math.max(nextId, v.id() + 1));
    Set<Node> trainable = new HashSet<>(forward.trainable());
    for (Node node : nodes) {
      node.outputs().forEach(v -> nextId = Math.max(nextId, v.id() + 1));
      names.add(node.name());
      if (trainable.contains(node)
          || node.inputs().stream().anyMatch(v -> active.contains(v.id()))) {
        node.outputs().forEach(v -> active.add(v.id()));
      }
    }
  }

  /**
   * The joint graph.
   *
   * @param forward its first output is the loss, made by {@link TrainingOp.SoftmaxCrossEntropy}, or
   *     the sum of several
   * @return a graph with one input more, {@code loss.gradient}, one number: 1, or the loss scale;
   *     and as outputs those of {@code forward}, then the gradient by each of its {@link
   *     Graph#trainable} parameters in order
   * @throws GraphException naming the node if one has no derivative, or a parameter that the loss
   *     does not depend on
   */
  public static Graph apply(Graph forward) {
    return new Differentiate(forward).run();
  }

  private Graph run() {
    Value loss = forward.outputs().getFirst();
    Value seed = new Value(nextId++, "loss.gradient", loss.shape(), loss.dtype(), Layout.DENSE);
    inputs.add(seed);
    gradients.put(loss.id(), seed);
    for (Node node : forward.nodes().reversed()) {
      Value g = gradients.get(node.output().id());
      if (g != null) {
        backward(node, g);
      }
    }
    List<Value> outputs = new ArrayList<>(forward.outputs());
    for (Node parameter : forward.trainable()) {
      Value g = gradients.get(parameter.output().id());
      if (g == null) {
        throw new GraphException("the loss does not depend on " + parameter.name());
      }
      outputs.add(g);
    }
    return new Graph(forward.name(), inputs, nodes, outputs);
  }

  private void backward(Node n, Value g) {
    switch (n.op()) {
      case TrainingOp.SoftmaxCrossEntropy e -> {
        TrainingOp op = new TrainingOp.SoftmaxCrossEntropyBackward(e.smoothing(), e.weight());
        contribute(n, 0, emit(n, op, n.input(0), n.input(1), g));
      }
      case Op.Linear _ -> {
        if (isActive(n.input(2))) {
          contribute(n, 2, emit(n, ".bias", new TrainingOp.ChannelSums(), g));
        }
        if (isActive(n.input(1))) {
          contribute(n, 1, emit(n, ".weight", new TrainingOp.LinearWgrad(), g, n.input(0)));
        }
        if (isActive(n.input(0))) {
          contribute(n, 0, emit(n, new TrainingOp.LinearDgrad(false), g, n.input(1)));
        }
      }
      case Op.Conv c -> conv(n, c, g);
      case Op.ScaleShift s -> {
        TrainingOp op = new TrainingOp.ScaleShiftBackward(s.relu(), false);
        through(n, 1, emit(n, op, withStatistics(n, 1, g, n.input(0))));
      }
      case TrainingOp.BatchStatistics _ -> {
        TrainingOp op = new TrainingOp.BatchStatisticsBackward(false);
        contribute(n, 0, emit(n, op, n.input(0), n.output(), g));
      }
      case Op.Activation a -> {
        Value read = a.gradientReadsOutput() ? n.output() : n.input(0);
        contribute(n, 0, emit(n, a.gradient(), g, read));
      }
      case Op.Add add -> {
        Value sum = add.relu() ? rectified(n, g) : g;
        contribute(n.input(0), sum);
        contribute(n.input(1), sum);
      }
      case Op.Pool pool -> pool(n, pool, g);
      case Op.GlobalAveragePool p -> {
        Shape x = n.input(0).shape();
        TrainingOp op = new TrainingOp.GlobalAveragePoolBackward(p.prologue(), x.h(), x.w(), false);
        if (p.prologue() == Op.Prologue.NONE) {
          contribute(n, 0, emit(n, op, g));
        } else {
          through(n, 1, emit(n, op, withStatistics(n, 1, g, n.input(0))));
        }
      }
      case Op.PadChannels _ -> contribute(n, 0, first(n, g));
      case Op.Shortcut s when !s.affine() -> shortcut(n, s, g);
      case Op.Concat _ -> slices(n, g);
      case Op.Join _ -> slices(n, g);
      case TrainingOp.ApplyDropout d -> contribute(n, 0, emit(n, d, g, n.input(1)));
      case TrainingOp.DropImages d -> contribute(n, 0, emit(n, d, g, n.input(1)));
      case Op.Scale _ -> contribute(n.input(0), again(n, n.op(), g));
      case Op.Flatten _ -> {
        Shape x = n.input(0).shape();
        contribute(n, 0, emit(n, new TrainingOp.FlattenBackward(x.h(), x.w()), g));
      }
      case Op.Sample _ -> {
        Shape x = n.input(0).shape();
        TrainingOp op = new TrainingOp.SampleBackward(x.h(), x.w());
        contribute(n, 0, emit(n, op, g, n.input(1), n.input(2)));
      }
      case TrainingOp.ConvDgrad d -> transposed(n, d.conv(), g);
      case Op.AdaptiveAveragePool _ -> {
        Shape x = n.input(0).shape();
        contribute(n, 0, emit(n, new TrainingOp.AdaptiveAveragePoolBackward(x.h(), x.w()), g));
      }
      case Op.LocalResponseNorm norm ->
          contribute(n, 0, emit(n, new TrainingOp.LocalResponseNormBackward(norm), g, n.input(0)));
      case Op.ScaleChannels s -> scaleChannels(n, s, g);
      case Op.Binary b -> binary(n, b, g);
      case Op.Copy _ -> contribute(n.input(0), g);
      case Op.Parameter _ -> {}
      case Op.OnParameters _,
          Op.FromNchw _,
          Op.ToNchw _,
          Op.BatchNorm _,
          Op.Dropout _,
          Op.StochasticDepth _,
          Op.Auxiliary _,
          Op.Shortcut _,
          Op.Arrange _,
          Op.Softmax _,
          Op.ArgMax _,
          Op.Norm _,
          Op.MatMul _,
          Op.DenseLayer _,
          Op.InSlices _,
          TrainingOp _ ->
          throw new GraphException(n.name() + ": " + n.op() + " has no derivative; lower it first");
    }
  }

  private void conv(Node n, Op.Conv fused, Value gradient) {
    Value g = fused.relu() ? rectified(n, gradient) : gradient;
    if (fused.bias() && isActive(n.input(fused.biasIndex()))) {
      contribute(n, fused.biasIndex(), emit(n, ".bias", new TrainingOp.ChannelSums(), g));
    }
    Op.Conv c = fused.withEpilogue(false, false);
    Value x = n.input(0);
    Value w = n.input(1);
    boolean prologue = c.prologue() != Op.Prologue.NONE;
    if (isActive(w)) {
      TrainingOp wgrad = new TrainingOp.ConvWgrad(c);
      contribute(
          n,
          1,
          prologue
              ? emit(n, ".weight", wgrad, g, x, n.input(2), n.input(3))
              : emit(n, ".weight", wgrad, g, x));
    }
    TrainingOp dgrad = new TrainingOp.ConvDgrad(c, x.shape().h(), x.shape().w(), false);
    if (prologue && (isActive(x) || isActive(n.input(2)) || isActive(n.input(3)))) {
      through(n, 2, emit(n, dgrad, withStatistics(n, 2, g, w, x)));
    } else if (!prologue && isActive(x)) {
      contribute(n, 0, emit(n, dgrad, g, w));
    }
  }

  /** What a convolution's gradient makes of its x is linear in x and in the filters. */
  private void transposed(Node n, Op.Conv conv, Value g) {
    Value x = n.input(0);
    contribute(n, 1, emit(n, ".weight", new TrainingOp.ConvWgrad(conv), x, g));
    if (isActive(x)) {
      contribute(x, again(n, conv, g, n.input(1)));
    }
  }

  private void scaleChannels(Node n, Op.ScaleChannels op, Value gradient) {
    Value g = op.relu() ? rectified(n, gradient) : gradient;
    Value gate = n.input(1);
    TrainingOp back = new TrainingOp.GateBackward(op.sigmoid());
    Value[] in = op.sigmoid() ? new Value[] {g, n.input(0), gate} : new Value[] {g, n.input(0)};
    contribute(n, 1, emit(n, ".gate", back, in));
    contribute(n.input(0), again(n, new Op.ScaleChannels(op.sigmoid(), false, false), g, gate));
    if (op.residual()) {
      contribute(n.input(2), g);
    }
  }

  /** Of the functions that are linear in each argument, by b only where nothing shares it. */
  private void binary(Node n, Op.Binary op, Value g) {
    Value a = n.input(0);
    Value b = n.input(1);
    boolean product = op.function() == BinaryFunction.MUL;
    boolean sum = op.function() == BinaryFunction.SUM || op.function() == BinaryFunction.SUB;
    boolean quotient = op.function() == BinaryFunction.DIV && !op.swapped();
    if (!product && !sum && !(quotient && !isActive(b))
        || isActive(b) && (b.isConstant() || !op.sharesNothing())) {
      throw new GraphException(n.name() + ": " + op + " has no derivative");
    }
    if (!sum) {
      contribute(a, again(n, op, g, b));
      contribute(b, product ? again(n, op, g, a) : g);
      return;
    }
    Value negative = op.function() == BinaryFunction.SUM ? g : again(n, new Op.Scale(-1), g);
    contribute(a, op.swapped() ? negative : g);
    contribute(b, op.swapped() ? g : negative);
  }

  private void pool(Node n, Op.Pool forward, Value g) {
    Value x = n.input(0);
    // Of one pixel a maximum is a mean, whose gradient does not read x.
    Op.Pool pool =
        forward.kernel() * forward.kernelW() == 1 ? forward.withKind(Op.PoolKind.AVERAGE) : forward;
    TrainingOp.PoolBackward op =
        new TrainingOp.PoolBackward(pool, x.shape().h(), x.shape().w(), false);
    if (pool.prologue() != Op.Prologue.NONE) {
      through(n, 1, emit(n, op, withStatistics(n, 1, g, x)));
    } else {
      contribute(n, 0, op.readsInput() ? emit(n, op, g, x) : emit(n, op, g));
    }
  }

  /** The range of {@code g} that is not padding, of node n's last activation. */
  private Node first(Node n, Value g) {
    int channels = n.inputs().getLast().shape().c();
    return emit(n, ".first", new TrainingOp.Slice(0, channels), g);
  }

  /** The exact transpose: the gradient of x is the first channels, spread over the windows. */
  private void shortcut(Node n, Op.Shortcut shortcut, Value gradient) {
    Value g = shortcut.relu() ? rectified(n, gradient) : gradient;
    contribute(n.input(0), g);
    Value x = n.input(1);
    if (!isActive(x)) {
      return;
    }
    Node first = first(n, g);
    if (shortcut.sampling() == Op.Sampling.NONE) {
      contribute(n, 1, first);
      return;
    }
    boolean average = shortcut.sampling() == Op.Sampling.AVERAGE;
    Op.Pool plain = Op.Pool.of(Op.PoolKind.AVERAGE, average ? 2 : 1, 2, 0);
    Op.Pool pool = average ? plain.withCeil() : plain;
    TrainingOp back = new TrainingOp.PoolBackward(pool, x.shape().h(), x.shape().w(), false);
    contribute(n, 1, emit(n, back, first.output()));
  }

  private Value rectified(Node n, Value g) {
    return emit(n, ".relu", new TrainingOp.ReluBackward(false), g, n.output()).output();
  }

  private void slices(Node n, Value g) {
    int first = 0;
    for (int i = 0; i < n.inputs().size(); i++) {
      int channels = n.input(i).shape().c();
      if (isActive(n.input(i))) {
        contribute(n, i, emit(n, "." + i, new TrainingOp.Slice(first, channels), g));
      }
      first += channels;
    }
  }

  /** The inputs {@code first}, then x, s, t and their statistics; s is input {@code at} of n. */
  private Value[] withStatistics(Node n, int at, Value... first) {
    Value[] all = Arrays.copyOf(first, first.length + 3);
    all[first.length] = n.input(at);
    all[first.length + 1] = n.input(at + 1);
    all[first.length + 2] = scaleOf(n, at).input(1);
    return all;
  }

  /** The node that makes the scale which is input {@code at} of n. */
  private Node scaleOf(Node n, int at) {
    Node scale = forward.producer(n.input(at));
    if (scale == null || !(scale.op() instanceof TrainingOp.BatchScale)) {
      throw new GraphException(n.name() + ": its scale is not that of a batch's statistics");
    }
    return scale;
  }

  /** What went through a normalisation: s·dz to x, and the sums to γ, β and the statistics. */
  private void through(Node n, int at, Node made) {
    contribute(n, 0, made);
    Node scale = scaleOf(n, at);
    Node shift = forward.producer(n.input(at + 1));
    if (!isActive(scale.output()) && !isActive(shift.output())) {
      return; // frozen
    }
    float epsilon = ((TrainingOp.BatchScale) scale.op()).epsilon();
    TrainingOp op = new TrainingOp.BatchNormGradient(epsilon, false);
    Value sums = made.output(1);
    Node norm = emit(scale, op, scale.input(0), scale.input(1), sums);
    contribute(scale, 1, norm);
    contribute(scale.input(0), norm.output(1));
    contribute(shift.input(0), norm.output(2));
  }

  private void contribute(Node n, int input, Node made) {
    contribute(n.input(input), made.output());
  }

  /** Adds {@code g} to the gradient by {@code value}. */
  private void contribute(Value value, Value g) {
    if (isActive(value)) {
      gradients.merge(value.id(), g, (there, more) -> sum(value, there, more));
    }
  }

  private Value sum(Value of, Value there, Value more) {
    return forward(of.name() + ".gradient.sum", new Op.Add(false), there, more);
  }

  /** A forward operation of n applied to its gradient. */
  private Value again(Node n, Op op, Value... in) {
    return forward(n.name() + ".gradient", op, in);
  }

  /** A forward operation whose result is like its first input. */
  private Value forward(String wanted, Op op, Value... in) {
    return emit(unique(wanted), op, in).output();
  }

  private boolean isActive(Value value) {
    return active.contains(value.id());
  }

  private Node emit(Node of, TrainingOp op, Value... in) {
    return emit(of, "", op, in);
  }

  private Node emit(Node of, String part, TrainingOp op, Value... in) {
    return emit(unique(of.name() + part + ".gradient"), op, in);
  }

  private Node emit(String name, Op op, Value... in) {
    Node node = Node.of(name, op, List.of(in), in[0].dtype(), () -> nextId++);
    nodes.add(node);
    return node;
  }

  private String unique(String name) {
    String free = name;
    while (!names.add(free)) {
      free = name + numbers.merge(name, 2, (number, _) -> number + 1);
    }
    return free;
  }
}
