package dev.catena.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.function.UnaryOperator;

/**
 * Every operation in fp64, as its definition reads: slow and obvious. Activations are dense N,H,W,C
 * here, those of the user too, filters K,C,R,S; nothing is rounded unless the caller asks for it.
 *
 * <p>A gradient is the transposed of the sum that its operation is: both walk the same terms.
 */
public final class Evaluator {
  private static final int HALF_BITS = 24;
  private static final Op.Activation RELU = new Op.Relu();
  private static final Op.Activation SIGMOID = new Op.Sigmoid();

  private final Op op;
  private final List<Shape> shapes;
  private final List<double[]> in;
  private final Shape x;
  private final Shape shape;
  private final List<double[]> results = new ArrayList<>();
  private final UnaryOperator<double[]> factors;
  private final UnaryOperator<double[]> stored;
  private double[] y;
  private int branches;

  private Evaluator(
      Op op,
      List<Shape> shapes,
      List<Shape> outputs,
      List<double[]> in,
      UnaryOperator<double[]> factors,
      UnaryOperator<double[]> stored) {
    this.op = op;
    this.shapes = shapes;
    this.in = in;
    this.factors = factors;
    this.stored = stored;
    x = shapes.isEmpty() ? null : shapes.getFirst();
    shape = outputs.getFirst();
    outputs.forEach(made -> results.add(new double[Math.toIntExact(made.elements())]));
    y = results.getFirst();
  }

  /**
   * An operation on inputs, which are not changed.
   *
   * @param shapes of the inputs
   * @param outputs shapes of the outputs
   * @param factors what happens to the factors of a convolution or its gradient by x
   * @param stored what happens to an output of which statistics are computed
   * @throws IllegalArgumentException if it has no definition by itself: a parameter, or slices
   */
  public static Evaluator run(
      Op op,
      List<Shape> shapes,
      List<Shape> outputs,
      List<double[]> in,
      UnaryOperator<double[]> factors,
      UnaryOperator<double[]> stored) {
    Evaluator evaluator = new Evaluator(op, shapes, outputs, in, factors, stored);
    if (op instanceof TrainingOp.Accumulating a && a.accumulate()) {
      evaluator.set(in.getLast().clone());
    }
    if (op instanceof TrainingOp training) {
      evaluator.training(training);
    } else {
      evaluator.forward();
    }
    return evaluator;
  }

  /** A node on the values of its inputs, nothing rounded. */
  public static Evaluator run(Node node, List<double[]> in) {
    return run(
        node.op(),
        node.inputs().stream().map(Value::shape).toList(),
        node.outputs().stream().map(Value::shape).toList(),
        in,
        UnaryOperator.identity(),
        UnaryOperator.identity());
  }

  /** The outputs. */
  public List<double[]> results() {
    return results;
  }

  /** Which way each ReLU and each maximum went: a kink lies between inputs for which it differs. */
  public int branches() {
    return branches;
  }

  // ---- forward --------------------------------------------------------------------------------

  private void forward() {
    switch (op) {
      case Op.Copy _, Op.FromNchw _, Op.ToNchw _, Op.Dropout _, Op.Auxiliary _ ->
          set(in(0).clone());
      case Op.Activation a -> each(i -> applied(a, in(0, i)));
      case Op.Scale s -> each(i -> s.factor() * in(0, i));
      case Op.StochasticDepth s -> each(i -> s.survival() * in(0, i));
      case Op.BatchNorm bn ->
          each(
              i -> {
                int c = i % shape.c();
                double deviation = Math.sqrt(in(4, c) + bn.epsilon());
                return in(1, c) * (in(0, i) - in(3, c)) / deviation + in(2, c);
              });
      case Op.ScaleShift s ->
          set(prologue(s.relu() ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT, 0, 1));
      case Op.Add a -> each(i -> relu(a.relu(), in(0, i) + in(1, i)));
      case Op.Concat _, Op.Join _ -> concat();
      case Op.PadChannels _ ->
          each(i -> i % shape.c() < x.c() ? in(0, i / shape.c() * x.c() + i % shape.c()) : 0);
      case Op.Flatten _ -> each(i -> in(0, transposed(x, i)));
      case Op.Sample s -> {
        each(_ -> 0);
        samples(x, shape, (from, to, share) -> y[to] += from < 0 ? s.fill() : share * in(0, from));
      }
      case Op.Pool p -> {
        double[] z = prologue(p.prologue(), 0, 1);
        pool(
            p,
            x,
            shape,
            z,
            (inside, best, share, o) -> {
              if (best >= 0) {
                y[o] = z[best];
              } else {
                inside.forEach(from -> y[o] += z[from]);
                y[o] /= share;
              }
            });
      }
      case Op.GlobalAveragePool p -> adaptive(prologue(p.prologue(), 0, 1));
      case Op.AdaptiveAveragePool _ -> adaptive(in(0));
      case Op.LocalResponseNorm n -> each(i -> in(0, i) / Math.pow(base(n, in(0), i), n.beta()));
      case Op.ScaleChannels s ->
          each(
              i -> {
                double gate = in(1, i / image(x) * x.c() + i % x.c());
                double scaled = in(0, i) * (s.sigmoid() ? SIGMOID.apply(gate) : gate);
                return relu(s.relu(), scaled + (s.residual() ? in(2, i) : 0));
              });
      case Op.Binary b -> each(i -> binary(b, i));
      case Op.Arrange a -> each(i -> in(0, a.source(i)));
      case Op.Softmax s -> softmax(s.form());
      case Op.ArgMax a -> each(i -> largest(a.last(), i * x.c()));
      case Op.Norm n -> norm(n);
      case Op.MatMul m -> each(i -> product(m, i));
      case Op.Shortcut s -> shortcut(s);
      case Op.Linear _ ->
          convolve(Op.Conv.of(1, 1, 0).withEpilogue(true, false), in(0), x, in(1), in(2), null, y);
      case Op.Conv c -> convolution(c);
      case Op.DenseLayer _ -> {
        Shape middle = x.withChannels(shapes.get(3).dim(0));
        double[] b = new double[Math.toIntExact(middle.elements())];
        double[] z = prologue(Op.Prologue.SCALE_SHIFT_RELU, 0, 1);
        convolve(Op.Conv.of(1, 1, 0).withEpilogue(true, true), z, x, in(3), in(4), null, b);
        convolve(Op.Conv.of(3, 1, 1), b, middle, in(5), null, null, y);
      }
      case Op.Coordinates c -> each(c.values()::get);
      case Op.Filled f -> each(_ -> f.value());
      case Op.BnScale s -> each(i -> in(0, i) / Math.sqrt(in(1, i) + s.epsilon()));
      case Op.BnShift _ -> each(i -> in(0, i) - in(2, i) * in(1, i));
      case Op.ScaleFilters _ -> each(i -> in(0, i) * in(1, i / (y.length / in(1).length)));
      case Op.ScaleShiftBias _ -> each(i -> in(1, i) * in(0, i) + in(2, i));
      case Op.Parameter _, Op.InSlices _, TrainingOp _ ->
          throw new IllegalArgumentException("no definition by itself: " + op);
    }
  }

  private void softmax(Op.SoftmaxForm form) {
    double[] sums = new double[Math.toIntExact(x.pixels())];
    double[] most = new double[sums.length];
    for (int p = 0; p < sums.length; p++) {
      int first = p * x.c();
      most[p] = in(0, first + largest(false, first));
      for (int c = 0; c < x.c(); c++) {
        sums[p] += Math.exp(in(0, first + c) - most[p]);
      }
    }
    each(
        i -> {
          double exponent = in(0, i) - most[i / x.c()] - Math.log(sums[i / x.c()]);
          return form == Op.SoftmaxForm.LOGARITHMS ? exponent : Math.exp(exponent);
        });
  }

  /** Which of the channels from {@code first} on is the largest. */
  private int largest(boolean last, int first) {
    int best = 0;
    for (int c = 1; c < x.c(); c++) {
      double v = in(0, first + c);
      double there = in(0, first + best);
      best = v > there || last && v == there ? c : best;
    }
    return best;
  }

  private void norm(Op.Norm op) {
    int each = x.c() / op.groups();
    int area = op.over() == Op.NormOver.IMAGE ? x.h() * x.w() : 1;
    int[] set = new int[y.length];
    double[] means = new double[y.length];
    double[] variances = new double[y.length];
    for (int i = 0; i < y.length; i++) {
      set[i] = i / x.c() / area * op.groups() + i % x.c() / each;
      means[set[i]] += op.root() ? 0 : in(0, i) / (area * each);
    }
    for (int i = 0; i < y.length; i++) {
      double centred = in(0, i) - means[set[i]];
      variances[set[i]] += centred * centred / (area * each);
    }
    each(
        i -> {
          double deviation = Math.sqrt(variances[set[i]] + op.epsilon());
          return in(1, i % x.c()) * (in(0, i) - means[set[i]]) / deviation + in(2, i % x.c());
        });
  }

  private double product(Op.MatMul op, int i) {
    Shape b = shapes.get(1);
    int k = i % shape.c();
    int n = i / image(shape) % b.n();
    int h = i / shape.c() / shape.w() % shape.h() % b.h();
    double sum = 0;
    for (int c = 0; c < x.c(); c++) {
      int other = op.transposed() ? at(b, n, h, k, c) : at(b, n, h, c, k);
      sum += in(0, i / shape.c() * x.c() + c) * in(1, other);
    }
    return sum;
  }

  private double binary(Op.Binary op, int i) {
    Shape b = shapes.get(1);
    int c = i % x.c() % b.c();
    int w = i / x.c() % x.w() % b.w();
    int h = i / x.c() / x.w() % x.h() % b.h();
    double other = in(1, at(b, i / image(x) % b.n(), h, w, c));
    return op.swapped()
        ? op.function().apply(other, in(0, i))
        : op.function().apply(in(0, i), other);
  }

  private void convolution(Op.Conv c) {
    double[] bias = c.bias() ? in(c.biasIndex()) : null;
    double[] residual = c.residual() ? in(c.residualIndex()) : null;
    double[] z = factors.apply(prologue(c.prologue(), 0, 2));
    convolve(c, z, x, factors.apply(in(1)), bias, residual, y);
  }

  /** To {@code to}, of the output's shape or, of a bottleneck, of its channels. */
  private void convolve(
      Op.Conv conv,
      double[] z,
      Shape from,
      double[] w,
      double[] bias,
      double[] residual,
      double[] to) {
    int channels = Math.toIntExact(to.length / shape.pixels());
    for (int i = 0; i < to.length; i++) {
      to[i] = (bias == null ? 0 : bias[i % channels]) + (residual == null ? 0 : residual[i]);
    }
    products(
        conv,
        from,
        shape.withChannels(channels),
        (pixel, filter, step, count, sum) -> {
          for (int c = 0; c < count; c++) {
            to[sum] += z[pixel + c] * w[filter + c * step];
          }
        });
    for (int i = 0; i < to.length && conv.relu(); i++) {
      to[i] = relu(to[i]);
    }
  }

  private void concat() {
    int first = 0;
    for (int i = 0; i < in.size(); i++) {
      int channels = shapes.get(i).c();
      for (int p = 0; p < shape.pixels(); p++) {
        System.arraycopy(in(i), p * channels, y, p * shape.c() + first, channels);
      }
      first += channels;
    }
  }

  /** Means of the windows that cover an image. */
  private void adaptive(double[] z) {
    windows(x, shape, (from, to, _) -> y[to] += z[from]);
    int[] cells = new int[y.length];
    windows(x, shape, (_, to, count) -> cells[to] = count);
    each(i -> y[i] / cells[i]);
  }

  private void shortcut(Op.Shortcut op) {
    Shape from = shapes.get(1);
    int step = op.sampling() == Op.Sampling.NONE ? 1 : 2;
    int edge = op.sampling() == Op.Sampling.AVERAGE ? 2 : 1;
    each(
        i -> {
          int c = i % shape.c();
          int column = i / shape.c() % shape.w() * step;
          int row = i / shape.c() / shape.w() % shape.h() * step;
          int n = i / image(shape);
          double sum = 0;
          int cells = 0;
          for (int h = row; h < Math.min(row + edge, from.h()); h++) {
            for (int w = column; w < Math.min(column + edge, from.w()); w++) {
              sum += c < from.c() ? in(1, at(from, n, h, w, c)) : 0;
              cells++;
            }
          }
          double v = in(0, i) + sum / cells;
          return relu(op.relu(), op.affine() ? in(2, c) * v + in(3, c) : v);
        });
  }

  // ---- training -------------------------------------------------------------------------------

  private void training(TrainingOp training) {
    switch (training) {
      case TrainingOp.SoftmaxCrossEntropy e -> {
        double[] p = softmax();
        for (int i = 0; i < p.length; i++) {
          y[0] -= e.weight() * target(e.smoothing(), i) * Math.log(p[i]) / x.n();
        }
      }
      case TrainingOp.SoftmaxCrossEntropyBackward e -> {
        double[] p = softmax();
        each(i -> e.weight() * in(2, 0) * (p[i] - target(e.smoothing(), i)) / shape.n());
      }
      case TrainingOp.ConvStatistics c -> {
        convolution(c.conv());
        statistics(stored.apply(y), results.getLast());
      }
      case TrainingOp.BatchStatistics _ -> statistics(in(0), y);
      case TrainingOp.BatchScale s -> each(c -> in(0, c) / Math.sqrt(variance(c) + s.epsilon()));
      case TrainingOp.BatchShift _ -> each(c -> in(0, c) - in(2, c) * in(1, c));
      case TrainingOp.RunningStatistics _ ->
          each(i -> i < in(0).length ? in(0, i) : in(1, i - in(0).length));
      case TrainingOp.RunningMean r ->
          each(c -> (1.0 - r.momentum()) * in(0, c) + r.momentum() * in(1, c));
      case TrainingOp.RunningVariance r -> {
        double unbiased = r.momentum() * (r.count() / (r.count() - 1.0));
        each(c -> (1.0 - r.momentum()) * in(0, c) + unbiased * variance(c));
      }
      case TrainingOp.ApplyDropout d -> {
        double kept = 1.0 - d.probability();
        each(i -> keeps(d.probability(), d.stream(), i) ? in(0, i) / kept : 0);
      }
      case TrainingOp.DropImages d ->
          each(i -> keeps(d.probability(), d.stream(), i / image(shape)) ? in(0, i) : 0);
      case TrainingOp.Augment a -> each(i -> augmented(a, i));
      case TrainingOp.Slice s ->
          each(i -> in(0, i / s.channels() * x.c() + s.first() + i % s.channels()));
      case TrainingOp.LinearDgrad _ -> dgrad(Op.Conv.of(1, 1, 0), in(0), in(1), y);
      case TrainingOp.LinearWgrad _ -> wgrad(Op.Conv.of(1, 1, 0), in(1));
      case TrainingOp.ChannelSums _ -> {
        for (int i = 0; i < in(0).length; i++) {
          y[i % y.length] += in(0, i);
        }
      }
      case TrainingOp.ReluBackward _ -> each(i -> y[i] + (in(1, i) > 0 ? in(0, i) : 0));
      case TrainingOp.ScaleShiftBackward s ->
          through(s.relu() ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT, in(0), 1);
      case TrainingOp.ConvDgrad d -> {
        double[] dz = new double[y.length];
        dgrad(d.conv(), factors.apply(in(0)), factors.apply(in(1)), dz);
        through(d.conv().prologue(), dz, 2);
      }
      case TrainingOp.ConvWgrad w -> wgrad(w.conv(), prologue(w.conv().prologue(), 1, 2));
      case TrainingOp.PoolBackward p -> {
        double[] dz = new double[y.length];
        double[] z = p.readsInput() ? prologue(p.pool().prologue(), 1, 2) : null;
        pool(
            p.pool(),
            shape,
            x,
            z,
            (inside, best, share, o) -> {
              if (best >= 0) {
                dz[best] += in(0, o);
              } else {
                inside.forEach(at -> dz[at] += in(0, o) / share);
              }
            });
        through(p.pool().prologue(), dz, 1);
      }
      case TrainingOp.GlobalAveragePoolBackward p -> through(p.prologue(), spread(), 1);
      case TrainingOp.AdaptiveAveragePoolBackward _ -> set(spread());
      case TrainingOp.SampleBackward _ ->
          samples(
              shape,
              x,
              (to, from, share) -> y[Math.max(to, 0)] += to < 0 ? 0 : share * in(0, from));
      case TrainingOp.FlattenBackward _ -> {
        for (int i = 0; i < y.length; i++) {
          y[transposed(shape, i)] = in(0, i);
        }
      }
      case TrainingOp.LocalResponseNormBackward n -> localResponseNorm(n.norm());
      case TrainingOp.ActivationBackward b -> each(i -> b.apply(in(0, i), in(1, i)));
      case TrainingOp.GateBackward b -> {
        for (int i = 0; i < in(0).length; i++) {
          y[i / image(x) * shape.c() + i % shape.c()] += in(0, i) * in(1, i);
        }
        each(i -> b.sigmoid() ? y[i] * slope(SIGMOID.apply(in(2, i))) : y[i]);
      }
      case TrainingOp.BatchNormGradient b -> normGradient(b.epsilon());
      case TrainingOp.BatchStatisticsBackward _ ->
          each(
              i -> {
                int c = i % shape.c();
                double through = in(2, c) + 2 * (in(0, i) - in(1, c)) * in(2, shape.c() + c);
                return y[i] + through / shape.pixels();
              });
    }
  }

  private void dgrad(Op.Conv conv, double[] g, double[] w, double[] dx) {
    products(
        conv,
        shape,
        x,
        (pixel, filter, step, count, sum) -> {
          for (int c = 0; c < count; c++) {
            dx[pixel + c] += w[filter + c * step] * g[sum];
          }
        });
  }

  private void wgrad(Op.Conv conv, double[] z) {
    products(
        conv,
        shapes.get(1),
        x,
        (pixel, filter, step, count, sum) -> {
          for (int c = 0; c < count; c++) {
            y[filter + c * step] += z[pixel + c] * in(0, sum);
          }
        });
  }

  /** The gradient by each pixel of g, shared by those that it is the mean of. */
  private double[] spread() {
    double[] dz = new double[y.length];
    windows(shape, x, (from, to, count) -> dz[from] += in(0, to) / count);
    return dz;
  }

  /** Each output's derivative by every x in its sum: d(x·S^−β) = S^−β·dx − β·x·S^(−β−1)·dS. */
  private void localResponseNorm(Op.LocalResponseNorm norm) {
    double share = (double) norm.alpha() / norm.size();
    for (int o = 0; o < y.length; o++) {
      double sum = base(norm, in(1), o);
      y[o] += in(0, o) * Math.pow(sum, -norm.beta());
      double outer = -norm.beta() * in(0, o) * in(1, o) * Math.pow(sum, -norm.beta() - 1);
      int c = o % shape.c();
      int first = c - norm.size() / 2;
      for (int j = Math.max(first, 0); j < Math.min(first + norm.size(), shape.c()); j++) {
        y[o - c + j] += outer * 2 * share * in(1, o - c + j);
      }
    }
  }

  private double augmented(TrainingOp.Augment op, int i) {
    int channels = shape.c();
    int n = i / image(shape);
    TrainingOp.Augment.Crop crop = op.crop(whole(0), whole(2), n);
    int w = i / channels % shape.w();
    int row = i / channels / shape.w() % shape.h() + crop.down();
    int column = (crop.mirrored() ? shape.w() - 1 - w : w) + crop.right();
    boolean inside = row >= 0 && row < shape.h() && column >= 0 && column < shape.w();
    int c = i % channels;
    double value = inside ? in(0, at(shape, n, row, column, c)) : 0;
    return (value - op.mean().get(c)) * op.scale().get(c);
  }

  private boolean keeps(float probability, int stream, int index) {
    return Philox.keeps(probability, stream, whole(0), whole(2), index);
  }

  /** The seed or the step, of two numbers of input 1 from {@code index}. */
  private long whole(int index) {
    return (long) in(1, index) | (long) in(1, index + 1) << HALF_BITS;
  }

  private double[] softmax() {
    double[] p = in(0).clone();
    int classes = x.c();
    for (int row = 0; row < p.length; row += classes) {
      double largest = Double.NEGATIVE_INFINITY;
      double sum = 0;
      for (int i = row; i < row + classes; i++) {
        largest = Math.max(largest, p[i]);
      }
      for (int i = row; i < row + classes; i++) {
        p[i] = Math.exp(p[i] - largest);
        sum += p[i];
      }
      for (int i = row; i < row + classes; i++) {
        p[i] /= sum;
      }
    }
    return p;
  }

  /** q of one logit; NaN where the label is no class. */
  private double target(float smoothing, int index) {
    double label = in(1, index / x.c());
    if (!(label >= 0 && label < x.c() && label == Math.rint(label))) {
      return Double.NaN;
    }
    return (label == index % x.c() ? 1.0 - smoothing : 0) + (double) smoothing / x.c();
  }

  private static void statistics(double[] of, double[] to) {
    int channels = to.length / 2;
    int count = of.length / channels;
    for (int i = 0; i < of.length; i++) {
      to[i % channels] += of[i] / count;
    }
    for (int i = 0; i < of.length; i++) {
      double centred = of[i] - to[i % channels];
      to[channels + i % channels] += centred * centred / count;
    }
  }

  private void normGradient(float epsilon) {
    int channels = shape.c();
    for (int c = 0; c < channels; c++) {
      double deviation = Math.sqrt(variance(c) + epsilon);
      double sum = in(2, c);
      double centred = in(2, channels + c);
      results.get(1)[c] = centred / deviation;
      results.get(2)[c] = sum;
      y[c] -= in(0, c) / deviation * sum;
      y[channels + c] -= 0.5 * in(0, c) * centred / (deviation * deviation * deviation);
    }
  }

  /** Adds to y what comes through a prologue; x, s, t and the statistics are inputs from there. */
  private void through(Op.Prologue prologue, double[] dz, int from) {
    int channels = shape.c();
    for (int i = 0; i < y.length; i++) {
      int c = i % channels;
      if (prologue == Op.Prologue.NONE) {
        y[i] += dz[i];
      } else if (prologue == Op.Prologue.SCALE_SHIFT
          || in(from + 1, c) * in(from, i) + in(from + 2, c) > 0) {
        y[i] += in(from + 1, c) * dz[i];
        results.get(1)[c] += dz[i];
        results.get(1)[channels + c] += dz[i] * (in(from, i) - in(from + 3, c));
      }
    }
  }

  // ---- the terms of sums ------------------------------------------------------------------------

  @FunctionalInterface
  private interface Products {
    /** {@code count} products of values from {@code pixel} and of filters at every {@code step}. */
    void visit(int pixel, int filter, int step, int count, int sum);
  }

  /** Every product of a convolution of one shape to another, by factors and sum. */
  private static void products(Op.Conv conv, Shape x, Shape y, Products visitor) {
    int channels = x.c() / conv.groups();
    int taps = conv.kernelH() * conv.kernelW();
    for (int sum = 0; sum < y.elements(); sum++) {
      int k = sum % y.c();
      int top = sum / y.c() / y.w() % y.h() * conv.stride() - conv.padH();
      int left = sum / y.c() % y.w() * conv.strideW() - conv.padW();
      int image = sum / image(y);
      for (int tap = 0; tap < taps; tap++) {
        int h = top + tap / conv.kernelW() * conv.dilation();
        int w = left + tap % conv.kernelW() * conv.dilationW();
        if (h >= 0 && h < x.h() && w >= 0 && w < x.w()) { // Padding is zero after the prologue.
          int group = k / (y.c() / conv.groups());
          int pixel = at(x, image, h, w, group * channels);
          visitor.visit(pixel, k * channels * taps + tap, taps, channels, sum);
        }
      }
    }
  }

  @FunctionalInterface
  private interface WindowVisitor {
    /** Cells of x, of a maximum the first largest or else -1, and by what a mean divides. */
    void visit(List<Integer> inside, int best, int cells, int output);
  }

  private void pool(Op.Pool pool, Shape x, Shape y, double[] z, WindowVisitor visitor) {
    for (int o = 0; o < y.elements(); o++) {
      Op.Window rows = pool.rows();
      Op.Window columns = pool.columns();
      int top = o / y.c() / y.w() % y.h() * rows.stride() - rows.pad();
      int left = o / y.c() % y.w() * columns.stride() - columns.pad();
      int bottom = (int) Math.min(top + rows.reach(), x.h() + rows.end());
      int right = (int) Math.min(left + columns.reach(), x.w() + columns.end());
      List<Integer> inside = new ArrayList<>();
      int covered = 0; // What a partial window has beyond the padding belongs to nobody.
      int best = -1;
      for (int h = top; h < bottom; h += rows.dilation()) {
        for (int w = left; w < right; w += columns.dilation()) {
          covered++;
          if (h >= 0 && h < x.h() && w >= 0 && w < x.w()) {
            int at = at(x, o / image(y), h, w, o % y.c());
            inside.add(at);
            boolean max = pool.kind() == Op.PoolKind.MAX;
            best = max && (best < 0 || larger(z[at], z[best])) ? at : best;
          }
        }
      }
      branches = 31 * branches + best;
      visitor.visit(inside, best, pool.includePad() ? covered : inside.size(), o);
    }
  }

  /** NaN is larger than any number. */
  private static boolean larger(double a, double b) {
    return a > b || Double.isNaN(a) && !Double.isNaN(b);
  }

  @FunctionalInterface
  private interface Mean {
    void visit(int from, int to, int cells);
  }

  /** Every value that each of the means covering an image is made of. */
  private static void windows(Shape x, Shape y, Mean visitor) {
    for (int o = 0; o < y.elements(); o++) {
      int row = o / y.c() / y.w() % y.h();
      int column = o / y.c() % y.w();
      int bottom = Math.ceilDiv((row + 1) * x.h(), y.h());
      int right = Math.ceilDiv((column + 1) * x.w(), y.w());
      int top = row * x.h() / y.h();
      int left = column * x.w() / y.w();
      for (int h = top; h < bottom; h++) {
        for (int w = left; w < right; w++) {
          int from = at(x, o / image(y), h, w, o % y.c());
          visitor.visit(from, o, (bottom - top) * (right - left));
        }
      }
    }
  }

  @FunctionalInterface
  private interface Share {
    void visit(int from, int to, double share);
  }

  /** Every pixel of x with a share in one of y; -1 if that one lies outside of x. */
  private void samples(Shape x, Shape y, Share visitor) {
    for (int o = 0; o < y.elements(); o++) {
      double row = in(1, o / y.c() / y.w() % y.h());
      double column = in(2, o / y.c() % y.w());
      if (!(row >= 0 && row <= x.h() - 1 && column >= 0 && column <= x.w() - 1)) {
        visitor.visit(-1, o, 1);
        continue;
      }
      for (int h = (int) row; h <= Math.ceil(row); h++) {
        for (int w = (int) column; w <= Math.ceil(column); w++) {
          double share = (1 - Math.abs(row - h)) * (1 - Math.abs(column - w));
          visitor.visit(at(x, o / image(y), h, w, o % y.c()), o, share);
        }
      }
    }
  }

  /** The base of a local response's power for the value at {@code i} of {@code of}. */
  private double base(Op.LocalResponseNorm norm, double[] of, int i) {
    int c = i % shape.c();
    int first = c - norm.size() / 2;
    double sum = 0;
    for (int j = Math.max(first, 0); j < Math.min(first + norm.size(), shape.c()); j++) {
      sum += of[i - c + j] * of[i - c + j];
    }
    return norm.k() + (double) norm.alpha() / norm.size() * sum;
  }

  // ---- values -----------------------------------------------------------------------------------

  /** s·x + t, rectified or not; s and t are inputs from {@code scale}. */
  private double[] prologue(Op.Prologue prologue, int input, int scale) {
    if (prologue == Op.Prologue.NONE) {
      return in(input);
    }
    double[] z = in(input).clone();
    for (int i = 0; i < z.length; i++) {
      int c = i % in(scale).length;
      z[i] = relu(prologue == Op.Prologue.SCALE_SHIFT_RELU, in(scale, c) * z[i] + in(scale + 1, c));
    }
    return z;
  }

  private double applied(Op.Activation activation, double v) {
    double result = activation.apply(v);
    branches = 31 * branches + (result == v ? 1 : 0);
    return result;
  }

  private double relu(double v) {
    return applied(RELU, v);
  }

  private double relu(boolean rectifies, double v) {
    return rectifies ? relu(v) : v;
  }

  private static double slope(double sigmoid) {
    return sigmoid * (1 - sigmoid);
  }

  private void each(IntToDoubleFunction value) {
    for (int i = 0; i < y.length; i++) {
      y[i] = value.applyAsDouble(i);
    }
  }

  private void set(double[] result) {
    y = result;
    results.set(0, y);
  }

  private double[] in(int input) {
    return in.get(input);
  }

  private double in(int input, int index) {
    return in.get(input)[index];
  }

  /** Of the channel {@code c} of the statistics, input 1. */
  private double variance(int c) {
    return in(1, shapes.get(1).c() + c);
  }

  private static int image(Shape shape) {
    return shape.h() * shape.w() * shape.c();
  }

  private static int at(Shape shape, int n, int h, int w, int c) {
    return ((n * shape.h() + h) * shape.w() + w) * shape.c() + c;
  }

  /** Where the value at {@code i} of N,C,H,W lies in N,H,W,C. */
  private static int transposed(Shape shape, int i) {
    int area = shape.h() * shape.w();
    int c = i % image(shape) / area;
    return (i / image(shape) * area + i % area) * shape.c() + c;
  }
}
