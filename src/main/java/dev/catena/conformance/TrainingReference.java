package dev.catena.conformance;

import dev.catena.engine.Problem;
import dev.catena.graph.Op;
import dev.catena.graph.Philox;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/**
 * Every training operation in fp64, as {@link TrainingOp} defines it. A gradient is the transposed
 * of the sum that its operation is: it walks the same products.
 */
final class TrainingReference {
  private static final int HALF_BITS = 24;

  private final Problem problem;
  private final List<double[]> in;
  private final List<Shape> shapes;
  private final Shape shape;
  private final List<double[]> results = new ArrayList<>();
  private final double[] y;

  private TrainingReference(TrainingOp op, Problem problem, List<double[]> inputs) {
    this.problem = problem;
    in = inputs;
    shapes = problem.inputs().stream().map(operand -> operand.shape()).toList();
    shape = problem.output().shape();
    problem.operands().stream()
        .skip(inputs.size())
        .forEach(made -> results.add(new double[Math.toIntExact(made.shape().elements())]));
    boolean adds = op instanceof TrainingOp.Accumulating a && a.accumulate();
    y = adds ? inputs.getLast().clone() : results.getFirst();
    results.set(0, y);
  }

  /** The outputs of {@code problem}. */
  static List<double[]> compute(TrainingOp op, Problem problem, List<double[]> inputs) {
    TrainingReference reference = new TrainingReference(op, problem, inputs);
    reference.compute(op);
    return reference.results;
  }

  private void compute(TrainingOp op) {
    switch (op) {
      case TrainingOp.SoftmaxCrossEntropy e -> loss(e);
      case TrainingOp.SoftmaxCrossEntropyBackward e -> lossBackward(e);
      case TrainingOp.ConvStatistics c -> convStatistics(c.conv());
      case TrainingOp.BatchStatistics _ -> statistics(in.getFirst(), y);
      case TrainingOp.BatchScale s -> each(c -> in(0, c) / Math.sqrt(variance(c) + s.epsilon()));
      case TrainingOp.BatchShift _ -> each(c -> in(0, c) - in(2, c) * in(1, c));
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
      case TrainingOp.DropImages d -> {
        int image = y.length / shape.n();
        each(i -> keeps(d.probability(), d.stream(), i / image) ? in(0, i) : 0);
      }
      case TrainingOp.FlattenBackward _ -> {
        int area = shape.h() * shape.w();
        each(
            i -> {
              int pixel = i / shape.c();
              return in(0, (pixel / area * shape.c() + i % shape.c()) * area + pixel % area);
            });
      }
      case TrainingOp.AdaptiveAveragePoolBackward _ -> adaptiveAverage();
      case TrainingOp.LocalResponseNormBackward n -> localResponseNorm(n.norm());
      case TrainingOp.SigmoidBackward _ -> each(i -> in(0, i) * in(1, i) * (1 - in(1, i)));
      case TrainingOp.GateBackward b -> {
        int image = shapes.getFirst().h() * shapes.getFirst().w() * shape.c();
        for (int i = 0; i < in.getFirst().length; i++) {
          y[i / image * shape.c() + i % shape.c()] += in(0, i) * in(1, i);
        }
        each(i -> b.sigmoid() ? y[i] * slope(1 / (1 + Math.exp(-in(2, i)))) : y[i]);
      }
      case TrainingOp.Augment a -> augment(a);
      case TrainingOp.Slice s ->
          each(i -> in(0, i / s.channels() * shapes.get(0).c() + s.first() + i % s.channels()));
      case TrainingOp.LinearDgrad _ ->
          products(
              Op.Conv.of(1, 1, 0), shape, shapes.get(0), (x, w, g) -> y[x] += in(1, w) * in(0, g));
      case TrainingOp.LinearWgrad _ ->
          products(
              Op.Conv.of(1, 1, 0),
              shapes.get(1),
              shapes.get(0),
              (x, w, g) -> y[w] += in(1, x) * in(0, g));
      case TrainingOp.ChannelSums _ -> {
        for (int i = 0; i < in.getFirst().length; i++) {
          y[i % y.length] += in(0, i);
        }
      }
      case TrainingOp.ReluBackward _ -> each(i -> y[i] + (in(1, i) > 0 ? in(0, i) : 0));
      case TrainingOp.ScaleShiftBackward s ->
          through(
              s.relu() ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT, in.getFirst(), 1);
      case TrainingOp.ConvDgrad d -> {
        double[] dz = new double[y.length];
        double[] factors = Reference.factor(problem, in.get(0));
        double[] filters = Reference.factor(problem, in.get(1));
        products(d.conv(), shape, shapes.get(0), (x, w, g) -> dz[x] += filters[w] * factors[g]);
        through(d.conv().prologue(), dz, 2);
      }
      case TrainingOp.ConvWgrad w -> {
        double[] z = prologue(w.conv().prologue());
        products(w.conv(), shapes.get(1), shapes.get(0), (x, f, g) -> y[f] += z[x] * in(0, g));
      }
      case TrainingOp.PoolBackward p -> {
        double[] dz = new double[y.length];
        pool(p.pool(), p.readsInput() ? prologue(p.pool().prologue()) : null, dz);
        through(p.pool().prologue(), dz, 1);
      }
      case TrainingOp.GlobalAveragePoolBackward p -> {
        double[] dz = new double[y.length];
        int area = p.height() * p.width();
        for (int i = 0; i < dz.length; i++) {
          dz[i] = in(0, i / shape.c() / area * shape.c() + i % shape.c()) / area;
        }
        through(p.prologue(), dz, 1);
      }
      case TrainingOp.BatchNormGradient b -> normGradient(b.epsilon());
      case TrainingOp.BatchStatisticsBackward _ -> {
        int channels = shape.c();
        each(
            i -> {
              int c = i % channels;
              double through = in(2, c) + 2 * (in(0, i) - in(1, c)) * in(2, channels + c);
              return y[i] + through / shape.pixels();
            });
      }
    }
  }

  private static double slope(double sigmoid) {
    return sigmoid * (1 - sigmoid);
  }

  private boolean keeps(float probability, int stream, int index) {
    return Philox.keeps(probability, stream, whole(0), whole(2), index);
  }

  /** Spreads the gradient by each pixel over those that it is the mean of. */
  private void adaptiveAverage() {
    Shape g = shapes.getFirst();
    for (int o = 0; o < g.elements(); o++) {
      int row = o / g.c() / g.w() % g.h();
      int column = o / g.c() % g.w();
      int image = o / g.c() / g.w() / g.h();
      int bottom = Math.ceilDiv((row + 1) * shape.h(), g.h());
      int right = Math.ceilDiv((column + 1) * shape.w(), g.w());
      int top = row * shape.h() / g.h();
      int left = column * shape.w() / g.w();
      for (int h = top; h < bottom; h++) {
        for (int w = left; w < right; w++) {
          int at = ((image * shape.h() + h) * shape.w() + w) * shape.c() + o % shape.c();
          y[at] += in(0, o) / ((bottom - top) * (right - left));
        }
      }
    }
  }

  /** Each output's derivative by every x in its sum: d(x·S^−β) = S^−β·dx − β·x·S^(−β−1)·dS. */
  private void localResponseNorm(Op.LocalResponseNorm op) {
    double share = (double) op.alpha() / op.size();
    for (int o = 0; o < y.length; o++) {
      int c = o % shape.c();
      int first = Math.max(c - op.size() / 2, 0);
      int end = Math.min(c - op.size() / 2 + op.size(), shape.c());
      double sum = op.k();
      for (int j = first; j < end; j++) {
        sum += share * in(1, o - c + j) * in(1, o - c + j);
      }
      y[o] += in(0, o) * Math.pow(sum, -op.beta());
      double outer = -op.beta() * in(0, o) * in(1, o) * Math.pow(sum, -op.beta() - 1);
      for (int j = first; j < end; j++) {
        y[o - c + j] += outer * 2 * share * in(1, o - c + j);
      }
    }
  }

  private void augment(TrainingOp.Augment op) {
    int channels = shape.c();
    each(
        i -> {
          int image = i / channels / shape.w() / shape.h();
          TrainingOp.Augment.Crop crop = op.crop(whole(0), whole(2), image);
          int w = i / channels % shape.w();
          int row = i / channels / shape.w() % shape.h() + crop.down();
          int column = (crop.mirrored() ? shape.w() - 1 - w : w) + crop.right();
          boolean inside = row >= 0 && row < shape.h() && column >= 0 && column < shape.w();
          int c = i % channels;
          int from = ((image * shape.h() + row) * shape.w() + column) * channels + c;
          return ((inside ? in(0, from) : 0) - op.mean().get(c)) * op.scale().get(c);
        });
  }

  /** The seed or the step, of two numbers of input 1 from {@code index}. */
  private long whole(int index) {
    return (long) in(1, index) | (long) in(1, index + 1) << HALF_BITS;
  }

  // ---- the loss ------------------------------------------------------------------------------

  private void loss(TrainingOp.SoftmaxCrossEntropy op) {
    double[] p = softmax();
    for (int i = 0; i < p.length; i++) {
      y[0] -= op.weight() * target(op.smoothing(), i) * Math.log(p[i]) / shapes.get(0).n();
    }
  }

  private void lossBackward(TrainingOp.SoftmaxCrossEntropyBackward op) {
    double[] p = softmax();
    each(i -> op.weight() * in(2, 0) * (p[i] - target(op.smoothing(), i)) / shape.n());
  }

  private double[] softmax() {
    double[] p = in.getFirst().clone();
    int classes = shapes.get(0).c();
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
    int classes = shapes.get(0).c();
    double label = in(1, index / classes);
    if (!(label >= 0 && label < classes && label == Math.rint(label))) {
      return Double.NaN;
    }
    return (label == index % classes ? 1.0 - smoothing : 0) + (double) smoothing / classes;
  }

  // ---- normalisation -------------------------------------------------------------------------

  /** Of what is stored: the output, rounded. */
  private void convStatistics(Op.Conv conv) {
    double[] made = Reference.compute(problem.part(conv, problem.inputs(), problem.output()), in);
    for (int i = 0; i < made.length; i++) {
      y[i] = made[i];
      made[i] = problem.output().dtype().round((float) made[i]);
    }
    statistics(made, results.getLast());
  }

  private static void statistics(double[] x, double[] y) {
    int channels = y.length / 2;
    int count = x.length / channels;
    for (int i = 0; i < x.length; i++) {
      y[i % channels] += x[i] / count;
    }
    for (int i = 0; i < x.length; i++) {
      double centred = x[i] - y[i % channels];
      y[channels + i % channels] += centred * centred / count;
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

  /** x, input 1, after a prologue whose s and t come next. */
  private double[] prologue(Op.Prologue prologue) {
    double[] z = in.get(1).clone();
    if (prologue != Op.Prologue.NONE) {
      for (int i = 0; i < z.length; i++) {
        int c = i % in.get(2).length;
        z[i] = in(2, c) * z[i] + in(3, c);
        z[i] = prologue == Op.Prologue.SCALE_SHIFT_RELU ? Math.max(0, z[i]) : z[i];
      }
    }
    return z;
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

  // ---- sums that are transposed --------------------------------------------------------------

  @FunctionalInterface
  private interface Product {
    void visit(int x, int w, int y);
  }

  /** Every product of a convolution of x to y, by the indices of its factors and of its sum. */
  private static void products(Op.Conv conv, Shape x, Shape y, Product product) {
    int channels = x.c() / conv.groups();
    int taps = conv.kernelH() * conv.kernelW();
    for (int sum = 0; sum < y.elements(); sum++) {
      int k = sum % y.c();
      int top = sum / y.c() / y.w() % y.h() * conv.stride() - conv.padH();
      int left = sum / y.c() % y.w() * conv.stride() - conv.padW();
      int image = sum / y.c() / y.w() / y.h();
      for (int tap = 0; tap < taps; tap++) {
        int h = top + tap / conv.kernelW();
        int w = left + tap % conv.kernelW();
        if (h < 0 || h >= x.h() || w < 0 || w >= x.w()) {
          continue;
        }
        int group = k / (y.c() / conv.groups());
        int pixel = ((image * x.h() + h) * x.w() + w) * x.c() + group * channels;
        for (int c = 0; c < channels; c++) {
          product.visit(pixel + c, (k * channels + c) * taps + tap, sum);
        }
      }
    }
  }

  /** Spreads the gradient by each output of a pool over its window of z. */
  private void pool(Op.Pool pool, double[] z, double[] dz) {
    Shape out = shapes.getFirst();
    for (int o = 0; o < out.elements(); o++) {
      int top = o / out.c() / out.w() % out.h() * pool.stride() - pool.pad();
      int left = o / out.c() % out.w() * pool.stride() - pool.pad();
      int image = o / out.c() / out.w() / out.h();
      List<Integer> inside = new ArrayList<>();
      int covered = 0;
      int best = -1;
      for (int h = top; h < Math.min(top + pool.kernel(), shape.h() + pool.pad()); h++) {
        for (int w = left; w < Math.min(left + pool.kernel(), shape.w() + pool.pad()); w++) {
          covered++;
          if (h >= 0 && h < shape.h() && w >= 0 && w < shape.w()) {
            int at = ((image * shape.h() + h) * shape.w() + w) * shape.c() + o % shape.c();
            inside.add(at);
            best = z != null && (best < 0 || z[at] > z[best]) ? at : best;
          }
        }
      }
      if (pool.kind() == Op.PoolKind.MAX) {
        dz[best] += in(0, o);
      } else {
        int cells = pool.includePad() ? covered : inside.size();
        double share = in(0, o) / cells;
        inside.forEach(at -> dz[at] += share);
      }
    }
  }

  // ---- values --------------------------------------------------------------------------------

  private void each(IntToDoubleFunction value) {
    for (int i = 0; i < y.length; i++) {
      y[i] = value.applyAsDouble(i);
    }
  }

  private double in(int input, int index) {
    return in.get(input)[index];
  }

  /** Of the channel {@code c} of the statistics, input 1. */
  private double variance(int c) {
    return in(1, shapes.get(1).c() + c);
  }
}
