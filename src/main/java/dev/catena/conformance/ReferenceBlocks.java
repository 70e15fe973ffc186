package dev.catena.conformance;

import dev.catena.engine.Problem;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/** {@link Reference} of what the networks have besides convolutions and pools. */
final class ReferenceBlocks {
  private final List<double[]> in;
  private final Shape x;
  private final Shape y;
  private final double[] result;

  private ReferenceBlocks(Problem problem, List<double[]> in) {
    this.in = in;
    this.x = problem.input(0).shape();
    this.y = problem.output().shape();
    this.result = new double[Math.toIntExact(y.elements())];
  }

  static double[] compute(Problem problem, List<double[]> in) {
    ReferenceBlocks reference = new ReferenceBlocks(problem, in);
    switch (problem.op()) {
      case Op.Flatten _ -> reference.flatten();
      case Op.AdaptiveAveragePool _ -> reference.adaptiveAverage();
      case Op.LocalResponseNorm norm -> reference.localResponseNorm(norm);
      case Op.Scale scale -> reference.each(v -> scale.factor() * v);
      case Op.Sigmoid _ -> reference.each(ReferenceBlocks::sigmoid);
      case Op.ScaleChannels scale -> reference.scaleChannels(scale);
      case Op.PadChannels _ -> reference.padChannels();
      case Op.Shortcut shortcut -> reference.shortcut(shortcut, problem.input(1).shape());
      default -> throw new IllegalArgumentException("no reference for " + problem.op());
    }
    return reference.result;
  }

  private void each(DoubleUnaryOperator f) {
    for (int i = 0; i < result.length; i++) {
      result[i] = f.applyAsDouble(in.getFirst()[i]);
    }
  }

  private static double sigmoid(double v) {
    return 1 / (1 + Math.exp(-v));
  }

  private void flatten() {
    int area = x.h() * x.w();
    for (int i = 0; i < result.length; i++) {
      int n = i / (area * x.c());
      int c = i % (area * x.c()) / area;
      result[i] = in.getFirst()[(n * area + i % area) * x.c() + c];
    }
  }

  private void adaptiveAverage() {
    for (int i = 0; i < result.length; i++) {
      int column = i / y.c() % y.w();
      int row = i / y.c() / y.w() % y.h();
      int n = i / y.c() / y.w() / y.h();
      int cells = 0;
      for (int h = row * x.h() / y.h(); h < Math.ceilDiv((row + 1) * x.h(), y.h()); h++) {
        for (int w = column * x.w() / y.w(); w < Math.ceilDiv((column + 1) * x.w(), y.w()); w++) {
          result[i] += in.getFirst()[((n * x.h() + h) * x.w() + w) * x.c() + i % x.c()];
          cells++;
        }
      }
      result[i] /= cells;
    }
  }

  private void localResponseNorm(Op.LocalResponseNorm norm) {
    for (int i = 0; i < result.length; i++) {
      int c = i % x.c();
      double sum = 0;
      for (int j = 0; j < norm.size(); j++) {
        int other = c - norm.size() / 2 + j;
        double v = other < 0 || other >= x.c() ? 0 : in.getFirst()[i - c + other];
        sum += v * v;
      }
      double base = norm.k() + (double) norm.alpha() / norm.size() * sum;
      result[i] = in.getFirst()[i] / Math.pow(base, norm.beta());
    }
  }

  private void scaleChannels(Op.ScaleChannels op) {
    int image = x.h() * x.w() * x.c();
    for (int i = 0; i < result.length; i++) {
      double gate = in.get(1)[i / image * x.c() + i % x.c()];
      double v = in.getFirst()[i] * (op.sigmoid() ? sigmoid(gate) : gate);
      v += op.residual() ? in.get(2)[i] : 0;
      result[i] = op.relu() && v < 0 ? 0 : v;
    }
  }

  private void padChannels() {
    for (int i = 0; i < result.length; i++) {
      int c = i % y.c();
      result[i] = c < x.c() ? in.getFirst()[i / y.c() * x.c() + c] : 0;
    }
  }

  private void shortcut(Op.Shortcut op, Shape from) {
    int step = op.sampling() == Op.Sampling.NONE ? 1 : 2;
    int edge = op.sampling() == Op.Sampling.AVERAGE ? 2 : 1;
    for (int i = 0; i < result.length; i++) {
      int c = i % y.c();
      int column = i / y.c() % y.w() * step;
      int row = i / y.c() / y.w() % y.h() * step;
      int n = i / y.c() / y.w() / y.h();
      double sum = 0;
      int cells = 0;
      for (int h = row; h < Math.min(row + edge, from.h()); h++) {
        for (int w = column; w < Math.min(column + edge, from.w()); w++) {
          int pixel = (n * from.h() + h) * from.w() + w;
          sum += c < from.c() ? in.get(1)[pixel * from.c() + c] : 0;
          cells++;
        }
      }
      double v = in.getFirst()[i] + sum / cells;
      v = op.affine() ? in.get(2)[c] * v + in.get(3)[c] : v;
      result[i] = op.relu() && v < 0 ? 0 : v;
    }
  }
}
