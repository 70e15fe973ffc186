package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.ShapeInference;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Lines of training operations. Their shape is that of x, the input of the operation that is
 * differentiated, and their options are that operation's:
 *
 * <pre>
 * conv-dgrad 2x7x7x36 k=12 kernel=3x3 pad=1x1 prologue=scale_shift_relu accumulate x=0/40 y=0/40
 * </pre>
 *
 * <ul>
 *   <li>{@code accumulate}: adds to a; {@code in-place}: y lies where a does, or, without {@code
 *       accumulate}, where the first input does
 *   <li>{@code x=}, {@code g=}, {@code a=}, {@code y=}, {@code statistics=}, {@code sums=}: views
 *   <li>cross-entropy, cross-entropy-backward: {@code smoothing= weight=}; dropout, drop-images:
 *       {@code p= stream=}; lrn-backward: {@code size=}; adaptive-average-backward: {@code
 *       out=HxW}; gate-backward: {@code sigmoid}; augment: {@code pad= flip}; running-mean,
 *       running-variance: {@code momentum=}; add-vectors: C numbers
 * </ul>
 */
final class TrainingCases {
  /** Large enough to be missed. */
  private static final float EPSILON = 0.125f;

  private final CaseLine line;
  private final DType dtype;
  private final List<Operand> inputs = new ArrayList<>();

  private TrainingCases(CaseLine line, DType dtype) {
    this.line = line;
    this.dtype = dtype;
  }

  /** The problem of a line for one element type. */
  static Problem problem(CaseLine line, DType dtype) {
    return new TrainingCases(line, dtype).problem();
  }

  private Problem problem() {
    Shape x = line.shape();
    return switch (line.operation()) {
      case "cross-entropy" -> {
        activation("x", x).vector(x.n());
        yield make(new TrainingOp.SoftmaxCrossEntropy(smoothing(), line.real("weight", 1)));
      }
      case "cross-entropy-backward" -> {
        activation("x", x).vector(x.n()).vector(1);
        float weight = line.real("weight", 1);
        yield make(new TrainingOp.SoftmaxCrossEntropyBackward(smoothing(), weight));
      }
      case "batch-statistics" -> activation("x", x).make(new TrainingOp.BatchStatistics());
      case "conv-statistics" -> {
        Op.Conv conv = line.convolution();
        Shape filters = line.filters(conv);
        activation("x", x).filters(filters);
        if (conv.prologue() != Op.Prologue.NONE) {
          vector(x.c()).vector(x.c());
        }
        if (conv.bias()) {
          vector(filters.dim(0));
        }
        yield make(new TrainingOp.ConvStatistics(conv));
      }
      case "batch-scale" ->
          vector(x.c()).statistics("statistics").make(new TrainingOp.BatchScale(EPSILON));
      case "batch-shift" -> {
        vector(x.c()).statistics("statistics").vector(x.c());
        yield make(new TrainingOp.BatchShift());
      }
      case "running-mean" ->
          vector(x.c()).statistics("statistics").make(new TrainingOp.RunningMean(momentum()));
      case "running-variance" -> {
        vector(x.c()).statistics("statistics");
        yield make(new TrainingOp.RunningVariance(momentum(), x.pixels()));
      }
      case "dropout" -> {
        activation("x", x).vector(4);
        yield make(new TrainingOp.ApplyDropout(line.real("p", 0.5f), line.number("stream", 0)));
      }
      case "drop-images" -> {
        activation("x", x).vector(4);
        yield make(new TrainingOp.DropImages(line.real("p", 0.5f), line.number("stream", 0)));
      }
      case "flatten-backward" -> {
        activation("g", Shape.nhwc(x.n(), 1, 1, x.h() * x.w() * x.c()));
        yield make(new TrainingOp.FlattenBackward(x.h(), x.w()));
      }
      case "adaptive-average-backward" -> {
        int[] out = line.ints(line.text("out", "1x1"), "x");
        activation("g", Shape.nhwc(x.n(), out[0], out[1], x.c()));
        yield make(new TrainingOp.AdaptiveAveragePoolBackward(x.h(), x.w()));
      }
      case "lrn-backward" -> {
        activation("g", x).activation("x", x);
        yield make(new TrainingOp.LocalResponseNormBackward(line.localResponseNorm()));
      }
      case "sigmoid-backward" ->
          activation("g", x).activation("x", x).make(new TrainingOp.SigmoidBackward());
      case "gate-backward" -> {
        activation("g", x).activation("x", x);
        boolean sigmoid = line.flag("sigmoid");
        if (sigmoid) {
          activation("gate", Shape.nhwc(x.n(), 1, 1, x.c()));
        }
        yield make(new TrainingOp.GateBackward(sigmoid));
      }
      case "augment" -> {
        inputs.add(Operand.nchw(x));
        vector(4);
        List<Float> mean = List.of(3f, -2f, 0f, 1f).subList(0, x.c());
        List<Float> scale = List.of(0.5f, 2f, 1f, 0.25f).subList(0, x.c());
        int padding = line.number("pad", 0);
        yield make(new TrainingOp.Augment(padding, line.flag("flip"), mean, scale, dtype));
      }
      case "linear-dgrad" -> {
        int k = line.required("k");
        activation("g", x.withChannels(k)).filters(Shape.of(k, x.c()));
        yield accumulating(new TrainingOp.LinearDgrad(false));
      }
      case "linear-wgrad" -> {
        activation("g", x.withChannels(line.required("k"))).activation("x", x);
        yield make(new TrainingOp.LinearWgrad());
      }
      case "channel-sums" -> activation("g", x).make(new TrainingOp.ChannelSums());
      case "relu-backward" -> {
        activation("g", x).activation("x", x);
        yield accumulating(new TrainingOp.ReluBackward(false));
      }
      case "scale-shift-backward" -> {
        activation("g", x).through(Op.Prologue.SCALE_SHIFT);
        yield accumulating(new TrainingOp.ScaleShiftBackward(line.flag("relu"), false));
      }
      case "conv-dgrad" -> {
        Op.Conv conv = line.convolution();
        Shape filters = line.filters(conv);
        activation("g", conv(conv, filters)).filters(filters).through(conv.prologue());
        yield accumulating(new TrainingOp.ConvDgrad(conv, x.h(), x.w(), false));
      }
      case "conv-wgrad" -> {
        Op.Conv conv = line.convolution();
        activation("g", conv(conv, line.filters(conv))).activation("x", x);
        if (conv.prologue() != Op.Prologue.NONE) {
          vector(x.c()).vector(x.c());
        }
        yield make(new TrainingOp.ConvWgrad(conv));
      }
      case "max-pool-backward" -> pool(line.pool(Op.PoolKind.MAX));
      case "average-pool-backward" -> pool(line.pool(Op.PoolKind.AVERAGE));
      case "global-average-backward" -> {
        Op.Prologue prologue = line.prologue();
        activation("g", Shape.nhwc(x.n(), 1, 1, x.c())).through(prologue);
        yield accumulating(new TrainingOp.GlobalAveragePoolBackward(prologue, x.h(), x.w(), false));
      }
      case "batch-norm-gradient" -> {
        vector(x.c()).statistics("statistics").statistics("sums");
        yield accumulating(new TrainingOp.BatchNormGradient(EPSILON, false));
      }
      case "batch-statistics-backward" -> {
        activation("x", x).statistics("statistics").statistics("g");
        yield accumulating(new TrainingOp.BatchStatisticsBackward(false));
      }
      case "add-vectors" -> {
        vector(x.c()).vector(x.c());
        yield new Problem(new Op.Add(false), inputs, Operand.dense(Shape.of(x.c())));
      }
      default -> throw line.error("there is no operation " + line.operation());
    };
  }

  private Problem pool(Op.Pool pool) {
    Shape x = line.shape();
    Op plain = pool.withPrologue(Op.Prologue.NONE);
    activation("g", ShapeInference.infer(line.toString(), plain, List.of(value(x))));
    if (pool.prologue() == Op.Prologue.NONE && pool.kind() == Op.PoolKind.MAX) {
      activation("x", x);
    }
    through(pool.prologue());
    return accumulating(new TrainingOp.PoolBackward(pool, x.h(), x.w(), false));
  }

  private Shape conv(Op.Conv conv, Shape filters) {
    Op plain = conv.withPrologue(Op.Prologue.NONE);
    return ShapeInference.infer(
        line.toString(),
        plain,
        List.of(value(line.shape()), value(Operand.filters(filters, dtype))));
  }

  private float smoothing() {
    return line.real("smoothing", 0);
  }

  private float momentum() {
    return line.real("momentum", 0.1f);
  }

  // ---- inputs --------------------------------------------------------------------------------

  private TrainingCases activation(String key, Shape shape) {
    inputs.add(line.view(key, shape, dtype));
    return this;
  }

  private TrainingCases vector(int length) {
    inputs.add(Operand.dense(Shape.of(length)));
    return this;
  }

  private TrainingCases filters(Shape shape) {
    inputs.add(Operand.filters(shape, dtype));
    return this;
  }

  private TrainingCases statistics(String key) {
    inputs.add(line.view(key, Shape.nhwc(2, 1, 1, line.shape().c()), DType.FP32));
    return this;
  }

  private TrainingCases through(Op.Prologue prologue) {
    int channels = line.shape().c();
    return prologue == Op.Prologue.NONE
        ? this
        : activation("x", line.shape()).vector(channels).vector(channels).statistics("statistics");
  }

  // ---- outputs -------------------------------------------------------------------------------

  private Problem accumulating(TrainingOp.Accumulating op) {
    if (!line.flag("accumulate")) {
      return make(op);
    }
    Operand y = make(op).output();
    boolean apart = line.flag("a");
    inputs.add(apart ? line.view("a", y.shape(), y.dtype()) : y);
    return make(op.accumulating());
  }

  private Problem make(TrainingOp op) {
    AtomicInteger ids = new AtomicInteger(inputs.size());
    List<Value> values = inputs.stream().map(TrainingCases::value).toList();
    Node node = Node.of(line.toString(), op, values, ids::getAndIncrement);
    List<Operand> outputs = new ArrayList<>();
    node.outputs().forEach(v -> outputs.add(operand(outputs.isEmpty() ? "y" : "sums", v)));
    return new Problem(op, inputs, outputs);
  }

  private Operand operand(String key, Value made) {
    return switch (made.layout()) {
      case NHWC -> line.view(key, made.shape(), made.dtype());
      case FILTERS -> Operand.filters(made.shape(), made.dtype());
      default -> Operand.dense(made.shape());
    };
  }

  private Value value(Shape activation) {
    return new Value(0, "x", activation, dtype, Layout.NHWC);
  }

  private static Value value(Operand operand) {
    return new Value(0, "input", operand.shape(), operand.dtype(), operand.layout());
  }
}
