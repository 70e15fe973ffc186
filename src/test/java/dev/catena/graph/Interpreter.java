package dev.catena.graph;

import dev.catena.conformance.ReferenceRun;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.random.RandomGenerator;

/**
 * Runs a graph in fp64 as the definitions of its operations read: slow and obvious. Activations are
 * dense N,H,W,C, parameters as in the checkpoint; nothing is rounded, and nothing is in place.
 */
public final class Interpreter {
  private final Map<Integer, double[]> values = new HashMap<>();
  private final Function<Node, double[]> parameters;
  private Node node;
  private int branches;

  private Interpreter(Function<Node, double[]> parameters) {
    this.parameters = parameters;
  }

  /**
   * All values of a graph.
   *
   * @param inputs by name; the batch is N,C,H,W
   * @param parameters of a parameter's node
   */
  public static Interpreter run(
      Graph graph, Map<String, double[]> inputs, Function<Node, double[]> parameters) {
    Interpreter interpreter = new Interpreter(parameters);
    for (Value input : graph.inputs()) {
      interpreter.values.put(input.id(), inputs.get(input.name()));
    }
    for (Node node : graph.nodes()) {
      interpreter.node = node;
      interpreter.run();
    }
    return interpreter;
  }

  /** What {@code value} is. */
  public double[] value(Value value) {
    return values.get(value.id());
  }

  /** Which way every ReLU and every maximum went: a kink lies between runs in which it differs. */
  public int branches() {
    return branches;
  }

  private void run() {
    double[] y = new double[Math.toIntExact(node.output().shape().elements())];
    for (Value made : node.outputs()) {
      values.put(made.id(), new double[Math.toIntExact(made.shape().elements())]);
    }
    values.put(node.output().id(), y);
    if (node.op() instanceof TrainingOp.Accumulating a && a.accumulate()) {
      addTo(y, value(node.inputs().getLast()));
    }
    switch (node.op()) {
      case Op.Parameter _ -> addTo(y, parameters.apply(node));
      case TrainingOp t -> training(t, y);
      case Op op -> forward(op, y);
    }
  }

  private void forward(Op op, double[] y) {
    switch (op) {
      case Op.FromNchw _ -> transpose(shape(0), (nhwc, nchw) -> y[nhwc] = in(0)[nchw]);
      case Op.ToNchw _ -> transpose(shape(0), (nhwc, nchw) -> y[nchw] = in(0)[nhwc]);
      case Op.Copy _ -> addTo(y, in(0));
      case Op.Relu _ -> addTo(y, rectified(in(0)));
      case Op.Add a -> {
        addTo(y, in(0));
        addTo(y, in(1));
        if (a.relu()) {
          System.arraycopy(rectified(y), 0, y, 0, y.length);
        }
      }
      case Op.ScaleShift s ->
          addTo(
              y,
              prologue(s.relu() ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT, 0, 1, 2));
      case Op.Concat _, Op.Join _ -> concat(y);
      case Op.PadChannels _ -> padded(in(0), shape(0), y);
      case Op.Shortcut s when !s.affine() -> {
        addTo(y, in(0));
        shortcut(s.sampling(), y);
        if (s.relu()) {
          System.arraycopy(rectified(y), 0, y, 0, y.length);
        }
      }
      case Op.Pool p -> {
        double[] z = prologue(p.prologue(), 0, 1, 2);
        windows(p, shape(0), z, (from, to, share) -> y[to] += share * z[from]);
      }
      case Op.GlobalAveragePool p -> {
        double[] z = prologue(p.prologue(), 0, 1, 2);
        double share = 1.0 / (shape(0).h() * shape(0).w());
        pixels(shape(0), (from, to) -> y[to] += share * z[from]);
      }
      case Op.Linear _ -> {
        affine(y, in(2));
        taps(Op.Conv.of(1, 1, 0), shape(0), node.output().shape(), linear(in(0), in(1), y));
      }
      case Op.Conv c -> {
        if (c.bias()) {
          affine(y, in(c.biasIndex()));
        }
        double[] z = prologue(c.prologue(), 0, 2, 3);
        taps(c, shape(0), node.output().shape(), linear(z, in(1), y));
        if (c.relu()) {
          System.arraycopy(rectified(y), 0, y, 0, y.length);
        }
      }
      case Op.ScaleChannels s -> {
        addTo(y, reference(new Op.ScaleChannels(s.sigmoid(), s.residual(), false)));
        if (s.relu()) {
          System.arraycopy(rectified(y), 0, y, 0, y.length);
        }
      }
      default -> addTo(y, reference(op));
    }
  }

  /** What the conformance suite's definition says: its gradients are proved here, too. */
  private double[] reference(Op op) {
    Node same = new Node(node.name(), op, node.inputs(), node.output());
    return ReferenceRun.compute(same, node.inputs().stream().map(this::value).toList());
  }

  /** Adds x to the first channels of y. */
  private void padded(double[] x, Shape shape, double[] y) {
    int channels = node.output().shape().c();
    for (int i = 0; i < x.length; i++) {
      y[i / shape.c() * channels + i % shape.c()] += x[i];
    }
  }

  private void shortcut(Op.Sampling sampling, double[] y) {
    Shape x = shape(1);
    Shape out = node.output().shape();
    int step = sampling == Op.Sampling.NONE ? 1 : 2;
    int edge = sampling == Op.Sampling.AVERAGE ? 2 : 1;
    for (int pixel = 0; pixel < out.pixels(); pixel++) {
      int top = pixel / out.w() % out.h() * step;
      int left = pixel % out.w() * step;
      int rows = Math.min(edge, x.h() - top);
      int columns = Math.min(edge, x.w() - left);
      int image = pixel / out.w() / out.h() * x.h();
      for (int i = 0; i < rows * columns; i++) {
        int from = (image + top + i / columns) * x.w() + left + i % columns;
        for (int c = 0; c < x.c(); c++) {
          y[pixel * out.c() + c] += in(1)[from * x.c() + c] / (rows * columns);
        }
      }
    }
  }

  private void training(TrainingOp op, double[] y) {
    switch (op) {
      case TrainingOp.SoftmaxCrossEntropy e -> crossEntropy(e.smoothing(), e.weight(), y);
      case TrainingOp.SoftmaxCrossEntropyBackward e ->
          crossEntropyBackward(e.smoothing(), e.weight(), y);
      case TrainingOp.BatchStatistics _ -> statistics(in(0), shape(0), y);
      case TrainingOp.BatchScale s -> {
        for (int c = 0; c < y.length; c++) {
          y[c] = in(0)[c] / Math.sqrt(in(1)[y.length + c] + s.epsilon());
        }
      }
      case TrainingOp.BatchShift _ -> {
        for (int c = 0; c < y.length; c++) {
          y[c] = in(0)[c] - in(2)[c] * in(1)[c];
        }
      }
      case TrainingOp.RunningMean r -> {
        for (int c = 0; c < y.length; c++) {
          y[c] = (1 - r.momentum()) * in(0)[c] + r.momentum() * in(1)[c];
        }
      }
      case TrainingOp.RunningVariance r -> {
        double unbiased = r.momentum() * (double) r.count() / (r.count() - 1);
        for (int c = 0; c < y.length; c++) {
          y[c] = (1 - r.momentum()) * in(0)[c] + unbiased * in(1)[y.length + c];
        }
      }
      case TrainingOp.ApplyDropout d -> {
        long seed = (long) in(1)[0] | (long) in(1)[1] << 24;
        long step = (long) in(1)[2] | (long) in(1)[3] << 24;
        for (int i = 0; i < y.length; i++) {
          y[i] =
              Philox.keeps(d.probability(), d.stream(), seed, step, i)
                  ? in(0)[i] / (1.0 - d.probability())
                  : 0;
        }
      }
      case TrainingOp.Augment a -> augment(a, y);
      case TrainingOp.Slice s -> {
        for (int i = 0; i < y.length; i++) {
          y[i] = in(0)[i / s.channels() * shape(0).c() + s.first() + i % s.channels()];
        }
      }
      case TrainingOp.LinearDgrad _ ->
          taps(
              Op.Conv.of(1, 1, 0),
              node.output().shape(),
              shape(0),
              (x, w, g) -> y[x] += in(1)[w] * in(0)[g]);
      case TrainingOp.LinearWgrad _ ->
          taps(Op.Conv.of(1, 1, 0), shape(1), shape(0), (x, w, g) -> y[w] += in(1)[x] * in(0)[g]);
      case TrainingOp.ChannelSums _ -> {
        for (int i = 0; i < in(0).length; i++) {
          y[i % y.length] += in(0)[i];
        }
      }
      case TrainingOp.ReluBackward _ -> {
        for (int i = 0; i < y.length; i++) {
          y[i] += in(1)[i] > 0 ? in(0)[i] : 0;
        }
      }
      case TrainingOp.ScaleShiftBackward s ->
          through(s.relu() ? Op.Prologue.SCALE_SHIFT_RELU : Op.Prologue.SCALE_SHIFT, in(0), 1, y);
      case TrainingOp.ConvDgrad d -> {
        double[] dz = new double[y.length];
        taps(d.conv(), node.output().shape(), shape(0), (x, w, g) -> dz[x] += in(1)[w] * in(0)[g]);
        through(d.conv().prologue(), dz, 2, y);
      }
      case TrainingOp.ConvWgrad w -> {
        double[] z = prologue(w.conv().prologue(), 1, 2, 3);
        taps(w.conv(), shape(1), shape(0), (x, f, g) -> y[f] += z[x] * in(0)[g]);
      }
      case TrainingOp.PoolBackward p -> {
        double[] dz = new double[y.length];
        double[] z = p.readsInput() ? prologue(p.pool().prologue(), 1, 2, 3) : null;
        Shape x = node.output().shape();
        windows(p.pool(), x, z, (from, to, share) -> dz[from] += share * in(0)[to]);
        through(p.pool().prologue(), dz, 1, y);
      }
      case TrainingOp.GlobalAveragePoolBackward p -> {
        double[] dz = new double[y.length];
        double share = 1.0 / (p.height() * p.width());
        pixels(node.output().shape(), (from, to) -> dz[from] += share * in(0)[to]);
        through(p.prologue(), dz, 1, y);
      }
      case TrainingOp.BatchNormGradient b -> batchNormGradient(b.epsilon(), y);
      case TrainingOp.BatchStatisticsBackward _ -> {
        int channels = shape(0).c();
        long count = shape(0).pixels();
        for (int i = 0; i < y.length; i++) {
          int c = i % channels;
          double centred = in(0)[i] - in(1)[c];
          y[i] += (in(2)[c] + 2 * centred * in(2)[channels + c]) / count;
        }
      }
      default -> addTo(y, reference(op));
    }
  }

  private void augment(TrainingOp.Augment a, double[] y) {
    long seed = (long) in(1)[0] | (long) in(1)[1] << 24;
    long step = (long) in(1)[2] | (long) in(1)[3] << 24;
    int height = shape(0).h();
    int width = shape(0).w();
    transpose(
        shape(0),
        (nhwc, nchw) -> {
          int c = nhwc % shape(0).c();
          int h = nchw / width % height;
          int w = nchw % width;
          TrainingOp.Augment.Crop crop = a.crop(seed, step, nchw / width / height / shape(0).c());
          int row = h + crop.down();
          int column = (crop.mirrored() ? width - 1 - w : w) + crop.right();
          boolean inside = row >= 0 && row < height && column >= 0 && column < width;
          double value = inside ? in(0)[nchw + (row - h) * width + column - w] : 0;
          y[nhwc] = (value - a.mean().get(c)) * a.scale().get(c);
        });
  }

  // ---- the loss ------------------------------------------------------------------------------

  private double[] softmax(int image) {
    int classes = shape(0).c();
    double[] p = Arrays.copyOfRange(in(0), image * classes, (image + 1) * classes);
    double max = Arrays.stream(p).max().orElseThrow();
    double sum = 0;
    for (int k = 0; k < classes; k++) {
      p[k] = Math.exp(p[k] - max);
      sum += p[k];
    }
    for (int k = 0; k < classes; k++) {
      p[k] /= sum;
    }
    return p;
  }

  private double target(float smoothing, int image, int k) {
    double uniform = smoothing / shape(0).c();
    return k == (int) in(1)[image] ? 1 - smoothing + uniform : uniform;
  }

  private void crossEntropy(float smoothing, float weight, double[] y) {
    int images = shape(0).n();
    for (int n = 0; n < images; n++) {
      double[] p = softmax(n);
      for (int k = 0; k < p.length; k++) {
        y[0] -= weight * target(smoothing, n, k) * Math.log(p[k]) / images;
      }
    }
  }

  private void crossEntropyBackward(float smoothing, float weight, double[] y) {
    int images = shape(0).n();
    for (int n = 0; n < images; n++) {
      double[] p = softmax(n);
      for (int k = 0; k < p.length; k++) {
        y[n * p.length + k] = weight * in(2)[0] * (p[k] - target(smoothing, n, k)) / images;
      }
    }
  }

  // ---- normalisation -------------------------------------------------------------------------

  private static void statistics(double[] x, Shape shape, double[] y) {
    int channels = shape.c();
    for (int i = 0; i < x.length; i++) {
      y[i % channels] += x[i] / shape.pixels();
    }
    for (int i = 0; i < x.length; i++) {
      double centred = x[i] - y[i % channels];
      y[channels + i % channels] += centred * centred / shape.pixels();
    }
  }

  private void batchNormGradient(float epsilon, double[] y) {
    double[] dGamma = value(node.output(1));
    double[] dBeta = value(node.output(2));
    int channels = dGamma.length;
    for (int c = 0; c < channels; c++) {
      double deviation = Math.sqrt(in(1)[channels + c] + epsilon);
      double sum = in(2)[c];
      double centred = in(2)[channels + c];
      dBeta[c] = sum;
      dGamma[c] = centred / deviation;
      y[c] -= in(0)[c] / deviation * sum;
      y[channels + c] -= 0.5 * in(0)[c] / (deviation * deviation * deviation) * centred;
    }
  }

  /**
   * Adds to y what comes through a prologue; x, s, t and the statistics are inputs from {@code at}.
   */
  private void through(Op.Prologue prologue, double[] dz, int at, double[] y) {
    if (prologue == Op.Prologue.NONE) {
      addTo(y, dz);
      return;
    }
    double[] x = in(at);
    double[] s = in(at + 1);
    double[] t = in(at + 2);
    double[] statistics = in(at + 3);
    double[] sums = value(node.output(1));
    int channels = s.length;
    for (int i = 0; i < x.length; i++) {
      int c = i % channels;
      if (prologue == Op.Prologue.SCALE_SHIFT || s[c] * x[i] + t[c] > 0) {
        y[i] += s[c] * dz[i];
        sums[c] += dz[i];
        sums[channels + c] += dz[i] * (x[i] - statistics[c]);
      }
    }
  }

  private double[] prologue(Op.Prologue prologue, int x, int s, int t) {
    if (prologue == Op.Prologue.NONE) {
      return in(x);
    }
    double[] z = in(x).clone();
    for (int i = 0; i < z.length; i++) {
      int c = i % in(s).length;
      z[i] = in(s)[c] * z[i] + in(t)[c];
    }
    return prologue == Op.Prologue.SCALE_SHIFT ? z : rectified(z);
  }

  private double[] rectified(double[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      boolean on = x[i] > 0;
      branches = 31 * branches + (on ? 1 : 0);
      y[i] = on ? x[i] : 0;
    }
    return y;
  }

  // ---- index sets: each operation and its gradient walk the same one --------------------------

  @FunctionalInterface
  private interface Tap {
    void visit(int x, int w, int y);
  }

  @FunctionalInterface
  private interface Pair {
    void visit(int a, int b);
  }

  @FunctionalInterface
  private interface Share {
    void visit(int from, int to, double share);
  }

  private static Tap linear(double[] x, double[] w, double[] y) {
    return (i, f, o) -> y[o] += x[i] * w[f];
  }

  /** Every product of a convolution, by the indices of its factors and its sum. */
  private static void taps(Op.Conv conv, Shape x, Shape y, Tap tap) {
    int channels = x.c() / conv.groups();
    int outputs = y.c() / conv.groups();
    for (int o = 0; o < y.elements(); o++) {
      int k = o % y.c();
      int ow = o / y.c() % y.w();
      int oh = o / y.c() / y.w() % y.h();
      int n = o / y.c() / y.w() / y.h();
      for (int r = 0; r < conv.kernelH(); r++) {
        for (int s = 0; s < conv.kernelW(); s++) {
          int h = oh * conv.stride() - conv.padH() + r;
          int w = ow * conv.stride() - conv.padW() + s;
          if (h >= 0 && h < x.h() && w >= 0 && w < x.w()) {
            int pixel = ((n * x.h() + h) * x.w() + w) * x.c() + k / outputs * channels;
            for (int c = 0; c < channels; c++) {
              int filter = ((k * channels + c) * conv.kernelH() + r) * conv.kernelW() + s;
              tap.visit(pixel + c, filter, o);
            }
          }
        }
      }
    }
  }

  /** Every element that a window takes, with its share; of a maximum, the first largest of z. */
  private void windows(Op.Pool pool, Shape x, double[] z, Share share) {
    Shape y = node.op() instanceof Op.Pool ? node.output().shape() : shape(0);
    boolean max = pool.kind() == Op.PoolKind.MAX;
    for (int o = 0; o < y.elements(); o++) {
      int c = o % y.c();
      int top = o / y.c() / y.w() % y.h() * pool.stride() - pool.pad();
      int left = o / y.c() % y.w() * pool.stride() - pool.pad();
      int n = o / y.c() / y.w() / y.h();
      int best = -1;
      int[] inside = new int[pool.kernel() * pool.kernel()];
      int count = 0;
      int covered = 0;
      for (int h = top; h < top + pool.kernel(); h++) {
        for (int w = left; w < left + pool.kernel(); w++) {
          covered += h < x.h() + pool.pad() && w < x.w() + pool.pad() ? 1 : 0;
          if (h >= 0 && h < x.h() && w >= 0 && w < x.w()) {
            int at = ((n * x.h() + h) * x.w() + w) * x.c() + c;
            inside[count++] = at;
            best = max && (best < 0 || z[at] > z[best]) ? at : best;
          }
        }
      }
      if (max) {
        branches = 31 * branches + best;
        share.visit(best, o, 1);
      } else {
        for (int i = 0; i < count; i++) {
          share.visit(inside[i], o, 1.0 / (pool.includePad() ? covered : count));
        }
      }
    }
  }

  /** Every element of x with that of N,1,1,C which it is averaged into. */
  private static void pixels(Shape x, Pair pair) {
    int area = x.h() * x.w();
    for (int i = 0; i < x.elements(); i++) {
      pair.visit(i, i / x.c() / area * x.c() + i % x.c());
    }
  }

  private static void transpose(Shape x, Pair pair) {
    int area = x.h() * x.w();
    for (int i = 0; i < x.elements(); i++) {
      int pixel = i / x.c();
      pair.visit(i, (pixel / area * x.c() + i % x.c()) * area + pixel % area);
    }
  }

  private void concat(double[] y) {
    int first = 0;
    int width = node.output().shape().c();
    for (int i = 0; i < node.inputs().size(); i++) {
      int channels = shape(i).c();
      for (int j = 0; j < in(i).length; j++) {
        y[j / channels * width + first + j % channels] = in(i)[j];
      }
      first += channels;
    }
  }

  private static void affine(double[] y, double[] bias) {
    for (int i = 0; i < y.length; i++) {
      y[i] += bias[i % bias.length];
    }
  }

  private static void addTo(double[] y, double[] x) {
    for (int i = 0; i < y.length; i++) {
      y[i] += x[i];
    }
  }

  private double[] in(int index) {
    return value(node.input(index));
  }

  private Shape shape(int index) {
    return node.input(index).shape();
  }

  /** The inputs by name, for a training graph: random images and labels, step 3 of seed 7. */
  public static Map<String, double[]> inputs(Graph graph, int classes, RandomGenerator random) {
    Map<String, double[]> inputs = new HashMap<>();
    List<Value> all = graph.inputs();
    for (Value input : all) {
      double[] values = new double[Math.toIntExact(input.shape().elements())];
      switch (input.name()) {
        case "labels" -> Arrays.setAll(values, _ -> random.nextInt(classes));
        case "loss.gradient" -> values[0] = 1;
        case "random" -> Arrays.setAll(values, i -> i == 0 ? 7 : i == 2 ? 3 : 0);
        default -> Arrays.setAll(values, _ -> random.nextGaussian());
      }
      inputs.put(input.name(), values);
    }
    return inputs;
  }
}
