package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.Arrays;
import java.util.List;

/**
 * Every operation in fp64, as its definition reads: slow and obvious. Activations are dense N,H,W,C
 * here, filters K,C,R,S; nothing is rounded but, where TF32 is allowed, a convolution's factors.
 */
final class Reference {
  private final Problem problem;
  private final List<double[]> in;
  private final Shape x;
  private final Shape y;

  private Reference(Problem problem, List<double[]> in) {
    this.problem = problem;
    this.in = in;
    this.x = problem.input(0).shape();
    this.y = problem.output().shape();
  }

  /** The outputs of {@code problem}. */
  static List<double[]> all(Problem problem, List<double[]> inputs) {
    return problem.op() instanceof TrainingOp op
        ? TrainingReference.compute(op, problem, inputs)
        : List.of(compute(problem, inputs));
  }

  /** The output of {@code problem} for {@code inputs}. */
  static double[] compute(Problem problem, List<double[]> inputs) {
    return new Reference(problem, inputs).compute();
  }

  private double[] compute() {
    return switch (problem.op()) {
      case Op.Copy _, Op.FromNchw _, Op.ToNchw _ -> in.getFirst();
      case Op.Relu _ -> affine(Op.Prologue.NONE, true);
      case Op.ScaleShift s ->
          affine(s.relu() ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT, false);
      case Op.Add a -> add(a.relu());
      case Op.Concat _ -> concat();
      case Op.Pool p -> pool(p, affine(p.prologue(), false));
      case Op.GlobalAveragePool p -> global(affine(p.prologue(), false));
      case Op.Linear _ ->
          conv(
              Op.Conv.of(1, 1, 0).withEpilogue(true, false),
              in.get(0),
              x,
              in.get(1),
              in.get(2),
              null,
              y);
      case Op.Conv c -> {
        double[] bias = c.bias() ? in.get(c.biasIndex()) : null;
        double[] residual = c.residual() ? in.get(c.residualIndex()) : null;
        double[] z = factor(problem, affine(c.prologue(), false));
        yield conv(c, z, x, factor(problem, in.get(1)), bias, residual, y);
      }
      case Op.DenseLayer _ -> denseLayer();
      default -> ReferenceBlocks.compute(problem, in);
    };
  }

  /** The prologue of x; s and t are the inputs after x, or after x and w. */
  private double[] affine(Op.Prologue prologue, boolean relu) {
    int s = problem.op() instanceof Op.Conv ? 2 : 1;
    double[] result = new double[in.getFirst().length];
    for (int i = 0; i < result.length; i++) {
      double v = in.getFirst()[i];
      if (prologue != Op.Prologue.NONE) {
        int c = i % x.c();
        v = in.get(s)[c] * v + in.get(s + 1)[c];
      }
      result[i] = relu || prologue == Op.Prologue.SCALE_SHIFT_RELU ? relu(v) : v;
    }
    return result;
  }

  /** What a product takes: in TF32 rounded to ten bits of mantissa, ties away from zero. */
  static double[] factor(Problem problem, double[] values) {
    return problem.tf32() ? Arrays.stream(values).map(Reference::tf32).toArray() : values;
  }

  private static double tf32(double value) {
    int bits = Float.floatToIntBits((float) value);
    return Double.isNaN(value) ? value : Float.intBitsToFloat(bits + 0x1000 & ~0x1fff);
  }

  private double[] add(boolean relu) {
    double[] result = new double[in.getFirst().length];
    for (int i = 0; i < result.length; i++) {
      double sum = in.get(0)[i] + in.get(1)[i];
      result[i] = relu ? relu(sum) : sum;
    }
    return result;
  }

  private double[] concat() {
    double[] result = new double[Math.toIntExact(y.elements())];
    int first = 0;
    for (int i = 0; i < in.size(); i++) {
      Operand part = problem.input(i);
      int channels = part.shape().c();
      for (int p = 0; p < y.pixels(); p++) {
        System.arraycopy(in.get(i), p * channels, result, p * y.c() + first, channels);
      }
      first += channels;
    }
    return result;
  }

  private double[] pool(Op.Pool pool, double[] z) {
    double[] result = new double[Math.toIntExact(y.elements())];
    boolean max = pool.kind() == Op.PoolKind.MAX;
    for (int i = 0; i < result.length; i++) {
      int c = i % y.c();
      int ow = i / y.c() % y.w();
      int oh = i / y.c() / y.w() % y.h();
      int n = i / y.c() / y.w() / y.h();
      double value = max ? Double.NEGATIVE_INFINITY : 0;
      int inside = 0;
      int covered = 0;
      for (int r = 0; r < pool.kernel(); r++) {
        for (int s = 0; s < pool.kernel(); s++) {
          int h = oh * pool.stride() - pool.pad() + r;
          int w = ow * pool.stride() - pool.pad() + s;
          // What a partial window has beyond the padding belongs to nobody.
          if (h < x.h() + pool.pad() && w < x.w() + pool.pad()) {
            covered++;
          }
          if (h >= 0 && h < x.h() && w >= 0 && w < x.w()) {
            inside++;
            double v = z[((n * x.h() + h) * x.w() + w) * x.c() + c];
            value = max ? Math.max(value, v) : value + v;
          }
        }
      }
      result[i] = max ? value : value / (pool.includePad() ? covered : inside);
    }
    return result;
  }

  private double[] global(double[] z) {
    double[] result = new double[Math.toIntExact(y.elements())];
    int area = x.h() * x.w();
    for (int i = 0; i < result.length; i++) {
      int n = i / y.c();
      for (int p = 0; p < area; p++) {
        result[i] += z[(n * area + p) * y.c() + i % y.c()];
      }
      result[i] /= area;
    }
    return result;
  }

  private double[] denseLayer() {
    Shape middle = x.withChannels(problem.input(3).shape().dim(0));
    Op.Conv bottleneck = Op.Conv.of(1, 1, 0).withEpilogue(true, true);
    double[] z = affine(Op.Prologue.SCALE_SHIFT_RELU, false);
    double[] b = conv(bottleneck, z, x, in.get(3), in.get(4), null, middle);
    return conv(Op.Conv.of(3, 1, 1), b, middle, in.get(5), null, null, y);
  }

  private static double[] conv(
      Op.Conv conv, double[] z, Shape x, double[] w, double[] bias, double[] residual, Shape y) {
    double[] result = new double[Math.toIntExact(y.elements())];
    int channels = x.c() / conv.groups();
    int taps = conv.kernelH() * conv.kernelW();
    for (int i = 0; i < result.length; i++) {
      int k = i % y.c();
      int ow = i / y.c() % y.w();
      int oh = i / y.c() / y.w() % y.h();
      int n = i / y.c() / y.w() / y.h();
      int first = k / (y.c() / conv.groups()) * channels;
      double sum = (bias == null ? 0 : bias[k]) + (residual == null ? 0 : residual[i]);
      for (int tap = 0; tap < taps; tap++) {
        int h = oh * conv.stride() - conv.padH() + tap / conv.kernelW();
        int v = ow * conv.stride() - conv.padW() + tap % conv.kernelW();
        if (h < 0 || h >= x.h() || v < 0 || v >= x.w()) {
          continue; // padding is zero after the prologue
        }
        int pixel = ((n * x.h() + h) * x.w() + v) * x.c() + first;
        for (int c = 0; c < channels; c++) {
          sum += z[pixel + c] * w[(k * channels + c) * taps + tap];
        }
      }
      result[i] = conv.relu() ? relu(sum) : sum;
    }
    return result;
  }

  /** NaN stays NaN. */
  private static double relu(double v) {
    return v < 0 ? 0 : v;
  }
}
