package dev.catena.graph;

import java.util.ArrayList;
import java.util.List;

/** What training operations make of their inputs, or an error that names the node. */
final class TrainingTypes {
  private static final int STATISTICS = 2;
  private static final int RANDOM_WORDS = 4;

  /**
   * An output.
   *
   * @param name of an output but the first, whose name is its node's
   */
  record Result(String name, Shape shape, DType dtype, Layout layout) {}

  private final String name;
  private final List<Value> inputs;

  /** The input that the next check is about. */
  private int at;

  private TrainingTypes(String name, List<Value> inputs) {
    this.name = name;
    this.inputs = inputs;
  }

  /**
   * The outputs of {@code op}.
   *
   * @param name the node's name, for errors
   * @throws GraphException naming the node if the inputs do not fit the operation
   */
  static List<Result> of(String name, TrainingOp op, List<Value> inputs) {
    TrainingTypes types = new TrainingTypes(name, inputs);
    List<Result> results = types.results(op);
    if (op instanceof TrainingOp.Accumulating a && a.accumulate()) {
      types.take(results.getFirst().shape());
    }
    types.require(types.at == inputs.size(), "takes " + types.at + " inputs, got " + inputs.size());
    return results;
  }

  private List<Result> results(TrainingOp op) {
    return switch (op) {
      case TrainingOp.SoftmaxCrossEntropy _ -> {
        takeLogits();
        yield List.of(dense("", Shape.of(1)));
      }
      case TrainingOp.SoftmaxCrossEntropyBackward _ -> {
        Value logits = takeLogits();
        take(Shape.of(1));
        yield List.of(like(logits));
      }
      case TrainingOp.BatchStatistics _ -> List.of(statistics("", takeActivation().shape().c()));
      case TrainingOp.ConvStatistics c -> {
        Shape made = ShapeInference.infer(name, c.conv(), inputs);
        at = inputs.size();
        yield List.of(activation(inputs.getFirst(), made), statistics("statistics", made.c()));
      }
      case TrainingOp.BatchScale _ -> vectorAndStatistics();
      case TrainingOp.BatchShift _ -> {
        List<Result> shift = vectorAndStatistics();
        take(shift.getFirst().shape());
        yield shift;
      }
      case TrainingOp.RunningMean _ -> vectorAndStatistics();
      case TrainingOp.RunningVariance v -> {
        require(v.count() > 1, "a variance of one value is not defined; take a larger batch");
        yield vectorAndStatistics();
      }
      case TrainingOp.ApplyDropout _, TrainingOp.DropImages _ -> {
        Value x = takeActivation();
        take(Shape.of(RANDOM_WORDS));
        yield List.of(like(x));
      }
      case TrainingOp.Augment a -> {
        Shape images = takeActivation().shape();
        take(Shape.of(RANDOM_WORDS));
        require(
            a.mean().size() == images.c() && a.scale().size() == images.c(),
            images + " has not " + a.mean().size() + " means and " + a.scale().size() + " scales");
        require(a.padding() >= 0, "a frame of " + a.padding() + " pixels");
        yield List.of(new Result("", images, a.dtype(), Layout.NHWC));
      }
      case TrainingOp.Slice s -> {
        Value x = takeActivation();
        require(
            s.first() >= 0 && s.channels() > 0 && s.first() + s.channels() <= x.shape().c(),
            x + " has no " + s.channels() + " channels from " + s.first());
        yield List.of(activation(x, x.shape().withChannels(s.channels())));
      }
      case TrainingOp.LinearDgrad _ -> {
        Value g = takeActivation();
        Shape w = take().shape();
        require(
            w.rank() == 2 && w.dim(0) == g.shape().c(),
            "weights " + w + " do not fit gradient " + g);
        yield List.of(activation(g, g.shape().withChannels(w.dim(1))));
      }
      case TrainingOp.LinearWgrad _ -> {
        Shape g = takeActivation().shape();
        Shape x = takeActivation().shape();
        require(g.withChannels(1).equals(x.withChannels(1)), g + " is no gradient for " + x);
        yield List.of(filters(Shape.of(g.c(), x.c())));
      }
      case TrainingOp.ChannelSums _ -> List.of(dense("", Shape.of(takeActivation().shape().c())));
      case TrainingOp.ReluBackward _ -> {
        Value g = takeActivation();
        take(g.shape());
        yield List.of(like(g));
      }
      case TrainingOp.ScaleShiftBackward _ -> {
        Value g = takeActivation();
        yield through(Op.Prologue.SCALE_SHIFT, activation(g, g.shape()));
      }
      case TrainingOp.ConvDgrad d -> convDgrad(d);
      case TrainingOp.ConvWgrad w -> convWgrad(w.conv());
      case TrainingOp.PoolBackward p -> poolBackward(p);
      case TrainingOp.GlobalAveragePoolBackward p -> {
        Value g = takeActivation();
        Shape x = Shape.nhwc(g.shape().n(), p.height(), p.width(), g.shape().c());
        requireMade(new Op.GlobalAveragePool(Op.Prologue.NONE), g, activation(g, x));
        yield through(p.prologue(), activation(g, x));
      }
      case TrainingOp.FlattenBackward f -> {
        int features = g().c();
        int area = f.height() * f.width();
        require(area > 0 && features % area == 0, features + " values are no pixels of " + f);
        yield by(new Op.Flatten(), f.height(), f.width(), features / area);
      }
      case TrainingOp.AdaptiveAveragePoolBackward p -> {
        Op pool = new Op.AdaptiveAveragePool(g().h(), g().w());
        yield by(pool, p.height(), p.width(), g().c());
      }
      case TrainingOp.LocalResponseNormBackward _, TrainingOp.SigmoidBackward _ -> {
        Value g = takeActivation();
        take(g.shape());
        yield List.of(like(g));
      }
      case TrainingOp.GateBackward b -> {
        Value g = takeActivation();
        take(g.shape());
        Shape gate = Shape.nhwc(g.shape().n(), 1, 1, g.shape().c());
        if (b.sigmoid()) {
          take(gate);
        }
        yield List.of(activation(g, gate));
      }
      case TrainingOp.BatchNormGradient _ -> {
        int c = take().shape().dim(0);
        take(statisticsOf(c));
        take(statisticsOf(c));
        yield List.of(statistics("", c), dense("gamma", Shape.of(c)), dense("beta", Shape.of(c)));
      }
      case TrainingOp.BatchStatisticsBackward _ -> {
        Value x = takeActivation();
        take(statisticsOf(x.shape().c()));
        take(statisticsOf(x.shape().c()));
        yield List.of(like(x));
      }
    };
  }

  private Shape g() {
    return inputs.getFirst().shape();
  }

  /** The gradient, of which g is the first input, by the input of {@code forward}. */
  private List<Result> by(Op forward, int height, int width, int channels) {
    Value g = takeActivation();
    Result x = activation(g, Shape.nhwc(g.shape().n(), height, width, channels));
    requireMade(forward, g, x);
    return List.of(x);
  }

  private List<Result> convDgrad(TrainingOp.ConvDgrad d) {
    Value g = takeActivation();
    Value w = take();
    require(w.shape().rank() == 4, "filters " + w.shape() + " are not K,C,R,S");
    int channels = w.shape().dim(1) * d.conv().groups();
    Result x = activation(g, Shape.nhwc(g.shape().n(), d.height(), d.width(), channels));
    requireMade(d.conv().withPrologue(Op.Prologue.NONE), g, x, w);
    return through(d.conv().prologue(), x);
  }

  private List<Result> convWgrad(Op.Conv conv) {
    Value g = takeActivation();
    Value x = takeActivation();
    int channels = x.shape().c();
    if (conv.prologue() != Op.Prologue.NONE) {
      take(Shape.of(channels));
      take(Shape.of(channels));
    }
    Shape filters =
        Shape.of(g.shape().c(), channels / conv.groups(), conv.kernelH(), conv.kernelW());
    Value w = new Value(-1, "filters", filters, DType.FP32, Layout.FILTERS);
    requireMade(conv.withPrologue(Op.Prologue.NONE), g, like(x), w);
    return List.of(filters(filters));
  }

  private List<Result> poolBackward(TrainingOp.PoolBackward p) {
    Value g = takeActivation();
    Shape shape = Shape.nhwc(g.shape().n(), p.height(), p.width(), g.shape().c());
    Result x = activation(g, shape);
    requireMade(p.pool().withPrologue(Op.Prologue.NONE), g, x);
    if (p.pool().prologue() == Op.Prologue.NONE && p.readsInput()) {
      take(shape);
    }
    return through(p.pool().prologue(), x);
  }

  /** The gradient by x through a prologue that reads x, s, t and the statistics. */
  private List<Result> through(Op.Prologue prologue, Result x) {
    if (prologue == Op.Prologue.NONE) {
      return List.of(x);
    }
    int c = x.shape().c();
    take(x.shape());
    take(Shape.of(c));
    take(Shape.of(c));
    take(statisticsOf(c));
    return List.of(x, statistics("sums", c));
  }

  private List<Result> vectorAndStatistics() {
    Shape vector = take().shape();
    require(vector.rank() == 1, vector + " is not a vector");
    take(statisticsOf(vector.dim(0)));
    return List.of(dense("", vector));
  }

  private Value takeLogits() {
    Value logits = takeActivation();
    require(
        logits.shape().h() == 1 && logits.shape().w() == 1, logits + " is not one row an image");
    take(Shape.of(logits.shape().n()));
    return logits;
  }

  /** The forward operation must make a value of g's shape of x. */
  private void requireMade(Op forward, Value g, Result x, Value... others) {
    List<Value> in = new ArrayList<>();
    in.add(new Value(-1, "x", x.shape(), x.dtype(), x.layout()));
    in.addAll(List.of(others));
    Shape made = ShapeInference.infer(name, forward, in);
    require(made.equals(g.shape()), "the gradient is " + g.shape() + ", the output was " + made);
  }

  private Value take() {
    require(at < inputs.size(), "takes more than " + inputs.size() + " inputs");
    return inputs.get(at++);
  }

  private void take(Shape expected) {
    Value value = take();
    require(
        value.shape().equals(expected),
        "input " + (at - 1) + " is " + value.shape() + ", not " + expected);
  }

  private Value takeActivation() {
    Value value = take();
    require(value.shape().rank() == 4, "input " + (at - 1) + " is no activation: " + value);
    return value;
  }

  private static Shape statisticsOf(int channels) {
    return Shape.nhwc(STATISTICS, 1, 1, channels);
  }

  private static Result statistics(String name, int channels) {
    return new Result(name, statisticsOf(channels), DType.FP32, Layout.NHWC);
  }

  private static Result dense(String name, Shape shape) {
    return new Result(name, shape, DType.FP32, Layout.DENSE);
  }

  private static Result filters(Shape shape) {
    return new Result("", shape, DType.FP32, Layout.FILTERS);
  }

  private static Result like(Value value) {
    return activation(value, value.shape());
  }

  private static Result activation(Value like, Shape shape) {
    return new Result("", shape, like.dtype(), Layout.NHWC);
  }

  private void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new GraphException(name + ": " + otherwise);
    }
  }
}
