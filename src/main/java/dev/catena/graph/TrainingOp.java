package dev.catena.graph;

import static dev.catena.graph.Axis.C;
import static dev.catena.graph.Axis.F;
import static dev.catena.graph.Axis.G;
import static dev.catena.graph.Axis.H;
import static dev.catena.graph.Axis.K;
import static dev.catena.graph.Axis.N;
import static dev.catena.graph.Axis.P;
import static dev.catena.graph.Axis.Q;
import static dev.catena.graph.Axis.W;

import java.util.List;

/**
 * What only training computes. Inputs are named as in {@link Op}; g is the gradient of the loss by
 * the output of the operation that is differentiated, a a gradient to be added to.
 *
 * <p>Statistics of a batch are an activation of two pixels, [2,1,1,C] in fp32: the channels' means
 * and (biased) variances. So are their gradients, and the sums Σdz and Σdz·(x − μ) that a
 * normalisation's gradient needs: statistics of joined channels are joined like the channels.
 *
 * <p>An operation with a prologue that is a normalisation by the batch's statistics has an
 * operation for its gradient that goes through the prologue too. With dz = the gradient by s·x + t
 * (masked by its sign if the prologue rectifies), recomputed from x, output 0 is s·dz and output 1
 * the sums. What flows through the statistics is left out: it has the form B·x + C per channel and
 * is added once for all readers of x, by {@link BatchStatisticsBackward}.
 */
public sealed interface TrainingOp extends Op {

  /** A gradient that can be added to another in place of it; that other is then the last input. */
  sealed interface Accumulating extends TrainingOp {
    /** Whether it does. */
    boolean accumulate();

    /** The same that does. */
    default Accumulating accumulating() {
      return Fields.with(this, "accumulate", true);
    }
  }

  /** The gradient of an {@link Op.Activation} that no other gradient is added to. */
  sealed interface ActivationBackward extends TrainingOp {
    /** g times the derivative in fp64, from what {@link Op.Activation#gradientReadsOutput} says. */
    double apply(double g, double x);

    @Override
    default Signature signature() {
      return Signature.of().image("g").image("x").makesImage();
    }
  }

  // ---- forward -------------------------------------------------------------------------------

  /**
   * (logits, labels): weight times the mean over the batch of −Σ_k q_k·log softmax(logits)_k, one
   * number. Labels are N class numbers, whole, in fp32; q is 1 − ε at the label plus ε/K
   * everywhere.
   *
   * @param smoothing ε
   * @param weight of this loss in the sum of all
   */
  @Text("cross-entropy")
  record SoftmaxCrossEntropy(@Text(absent = "0") float smoothing, @Text(absent = "1") float weight)
      implements TrainingOp {
    @Override
    public Signature signature() {
      return logits().makesVector("y", Extent.ONE);
    }
  }

  /** (x): mean and biased variance of each channel over the batch. */
  record BatchStatistics() implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.ofImage().makesStatistics("y", C);
    }
  }

  /**
   * (x, w, [s, t], [b], [r]): a convolution; output 1 the statistics of what it makes, as it is
   * stored.
   *
   * @param conv the convolution
   */
  record ConvStatistics(Conv conv) implements TrainingOp {
    @Override
    public Signature signature() {
      return conv.signature().makesStatistics("sums", K);
    }
  }

  /** (γ, statistics): s = γ/√(σ² + ε). */
  record BatchScale(@Text(absent = "0.125") float epsilon) implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("gamma", Role.SCALE, C)
          .statistics("statistics")
          .makesVector("y", C);
    }
  }

  /** (β, statistics, s): t = β − s·μ. */
  record BatchShift() implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("beta", Role.BIAS, C)
          .statistics("statistics")
          .takes("s", Role.SCALE, C)
          .makesVector("y", C);
    }
  }

  /** (μ, σ²): running statistics in the place of a batch's. */
  record RunningStatistics() implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("mean", Role.BIAS, C)
          .takes("variance", Role.SCALE, C)
          .makesStatistics("y", C);
    }
  }

  /**
   * (μ, statistics): the running mean after this batch, (1 − m)·μ + m·mean.
   *
   * @param momentum m
   */
  record RunningMean(@Text(absent = "0.1") float momentum) implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("mean", Role.BIAS, C)
          .statistics("statistics")
          .makesVector("y", C);
    }
  }

  /**
   * (σ², statistics): the running variance after this batch, (1 − m)·σ² + m·variance·n/(n − 1).
   *
   * @param momentum m
   * @param count n: values of a channel in the batch, N·H·W
   */
  record RunningVariance(@Text(absent = "0.1") float momentum, @Text(of = {N, H, W}) long count)
      implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of()
          .require(count > 1, "a variance of one value is not defined; take a larger batch")
          .takes("variance", Role.SCALE, C)
          .statistics("statistics")
          .makesVector("y", C);
    }
  }

  /**
   * (x, random): each element is kept and divided by 1 − p, or zero with probability p. Which is
   * decided by {@link Philox} from the element's index, so nothing is stored: the gradient is the
   * same operation on g. {@code random} is four whole numbers below 2^24 in fp32: the low and high
   * halves of the seed, then of the step.
   *
   * @param probability p
   * @param stream tells the network's dropouts apart
   */
  @Text("dropout")
  record ApplyDropout(
      @Text(value = "p", absent = "0.5") float probability, @Text(absent = "0") int stream)
      implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.ofImage().random().makesImage();
    }
  }

  /**
   * (x, random): each image of x as it is, or zero with probability p: a branch of {@link
   * Op.StochasticDepth}. As {@link ApplyDropout} it is its own gradient; the counter is the image.
   *
   * @param probability p
   * @param stream tells the network's dropouts apart
   */
  record DropImages(
      @Text(value = "p", absent = "0.5") float probability, @Text(absent = "0") int stream)
      implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.ofImage().random().makesImage();
    }
  }

  /**
   * (images, random): the user's images as activations to train with, in place of {@link
   * Op.FromNchw}: cropped from a black frame, perhaps mirrored, normalised to (v − mean)·scale.
   * {@code random} as in {@link ApplyDropout}.
   *
   * @param padding pixels of the frame
   * @param flip whether half of the images are mirrored
   * @param mean of each channel
   * @param scale of each channel
   * @param dtype of the activations
   */
  record Augment(
      @Text(value = "pad", absent = "0") int padding,
      boolean flip,
      @Text(absent = "3,-2,0,1") List<Float> mean,
      @Text(absent = "0.5,2,1,0.25") List<Float> scale,
      DType dtype)
      implements TrainingOp {
    private static final int STREAM = -1;

    public Augment {
      mean = List.copyOf(mean);
      scale = List.copyOf(scale);
    }

    @Override
    public Signature signature() {
      return Signature.of()
          .takes("x", Role.IMAGES, N, H, W, C)
          .random()
          .require(padding >= 0, "a frame of " + padding + " pixels")
          .check(
              (extents, _) -> mean.size() == extents.of(C) && scale.size() == extents.of(C),
              "there are " + mean.size() + " means and " + scale.size() + " scales")
          .makesImage()
          .of(dtype);
    }

    /**
     * Where pixel (h, w) of an augmented image comes from: (h + down, w' + right), w' counting from
     * the right if it is mirrored; black outside the image.
     */
    public record Crop(int down, int right, boolean mirrored) {}

    /** What is done to an image of the batch of a step; drawn from {@link Philox}. */
    public Crop crop(long seed, long step, int image) {
      int[] words = Philox.words(seed, step, image, STREAM);
      boolean mirrored = flip && (words[2] & 1) == 1;
      return new Crop(shift(words[0]), shift(words[1]), mirrored);
    }

    private int shift(int word) {
      return (int) ((word & 0xffff_ffffL) * (2 * padding + 1) >>> 32) - padding;
    }
  }

  /**
   * (x): channels [first, first + channels) of x, where they are. Costs nothing.
   *
   * @param first channel
   * @param channels how many
   */
  record Slice(int first, int channels) implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .check(
              (extents, _) -> first >= 0 && channels > 0 && first + channels <= extents.of(C),
              "x has no " + channels + " channels from " + first)
          .makes(N, H, W, Extent.of(channels));
    }
  }

  // ---- backward ------------------------------------------------------------------------------

  /**
   * (logits, labels, g): weight·g·(softmax(logits) − q)/N; g is one number, 1 or the loss scale.
   */
  @Text("cross-entropy-backward")
  record SoftmaxCrossEntropyBackward(
      @Text(absent = "0") float smoothing, @Text(absent = "1") float weight) implements TrainingOp {
    @Override
    public Signature signature() {
      return logits().takes("g", Role.SCALE, Extent.ONE).makes(N, Extent.ONE, Extent.ONE, C);
    }
  }

  /** (g, w, [a]): g·w. */
  record LinearDgrad(boolean accumulate) implements Accumulating {
    @Override
    public Signature signature() {
      return Signature.of()
          .activation("g", N, H, W, K)
          .takes("w", Role.FILTERS, K, C)
          .makesImage()
          .accumulate(accumulate);
    }
  }

  /** (g, x): gᵀ·x, in fp32. */
  record LinearWgrad() implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of().activation("g", N, H, W, K).image("x").makesFilters(K, C);
    }
  }

  /** (g): the sum of each channel over all pixels, in fp32: the gradient by a bias. */
  record ChannelSums() implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of().image("g").makesVector("y", C);
    }
  }

  /** (g, y, [a]): g where y > 0, y being what the ReLU made. */
  record ReluBackward(boolean accumulate) implements Accumulating {
    @Override
    public Signature signature() {
      return Signature.of().image("g").image("x").makesImage().accumulate(accumulate);
    }
  }

  /**
   * (g, x, s, t, statistics, [a]): through {@link Op.ScaleShift}; output 1 the sums.
   *
   * @param relu whether that rectifies
   */
  record ScaleShiftBackward(boolean relu, boolean accumulate) implements Accumulating {
    @Override
    public Signature signature() {
      return Signature.of().image("g").through(Prologue.SCALE_SHIFT).accumulate(accumulate);
    }
  }

  /**
   * (g, w, [x, s, t, statistics], [a]): by the input of a convolution; with a prologue through it,
   * output 1 the sums.
   *
   * @param conv the convolution, without bias and ReLU
   * @param height of its input
   * @param width of its input
   */
  record ConvDgrad(Conv conv, @Text(of = H) int height, @Text(of = W) int width, boolean accumulate)
      implements Accumulating {
    @Override
    public Signature signature() {
      return conv.extents(
              Signature.of()
                  .given(H, height)
                  .given(W, width)
                  .activation("g", N, P, Q, K)
                  .takes(
                      "w",
                      Role.FILTERS,
                      K,
                      G,
                      Extent.of(conv.kernelH()),
                      Extent.of(conv.kernelW())))
          .through(conv.prologue())
          .accumulate(accumulate);
    }
  }

  /**
   * (g, x, [s, t]): by the filters of a convolution, in fp32; a prologue is recomputed from x.
   *
   * @param conv the convolution, without bias and ReLU
   */
  record ConvWgrad(Conv conv) implements TrainingOp {
    @Override
    public Signature signature() {
      return conv.extents(
              Signature.of().activation("g", N, P, Q, K).image("x").affine(conv.prologue()))
          .makesFilters(K, G, Extent.of(conv.kernelH()), Extent.of(conv.kernelW()));
    }
  }

  /**
   * (g, [x], [s, t, statistics], [a]): by the input of a pool. x is an input if the pool takes a
   * maximum or has a prologue; the first of equal maxima has the gradient. Through a prologue as
   * {@link ConvDgrad}.
   *
   * @param pool the pool
   * @param height of its input
   * @param width of its input
   */
  @Text({"max-pool-backward", "average-pool-backward"})
  record PoolBackward(
      Pool pool, @Text(of = H) int height, @Text(of = W) int width, boolean accumulate)
      implements Accumulating {
    @Override
    public Signature signature() {
      Signature s = Signature.of().given(H, height).given(W, width).activation("g", N, P, Q, C);
      s = pool.prologue() == Prologue.NONE && readsInput() ? s.image("x") : s;
      return pool.extents(s).through(pool.prologue()).accumulate(accumulate);
    }

    /** Whether x is an input. */
    public boolean readsInput() {
      return pool.kind() == PoolKind.MAX || pool.prologue() != Prologue.NONE;
    }
  }

  /**
   * (g, [x, s, t, statistics], [a]): by the input of a mean over all pixels. Through a prologue as
   * {@link ConvDgrad}.
   *
   * @param prologue of the mean
   * @param height of its input
   * @param width of its input
   */
  @Text("global-average-backward")
  record GlobalAveragePoolBackward(
      Prologue prologue, @Text(of = H) int height, @Text(of = W) int width, boolean accumulate)
      implements Accumulating {
    @Override
    public Signature signature() {
      return Signature.of()
          .given(H, height)
          .given(W, width)
          .activation("g", N, Extent.ONE, Extent.ONE, C)
          .through(prologue)
          .accumulate(accumulate);
    }
  }

  /**
   * (g, rows, columns): by the input of {@link Op.Sample}.
   *
   * @param height of its input
   * @param width of its input
   */
  record SampleBackward(@Text(of = H) int height, @Text(of = W) int width) implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of()
          .given(H, height)
          .given(W, width)
          .activation("g", N, P, Q, C)
          .takes("rows", Role.BIAS, P)
          .takes("columns", Role.BIAS, Q)
          .makesImage();
    }
  }

  /**
   * (g): by the input of {@link Op.Flatten}.
   *
   * @param height of its input
   * @param width of its input
   */
  record FlattenBackward(@Text(of = H) int height, @Text(of = W) int width) implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of()
          .given(H, height)
          .given(W, width)
          .product(F, H, W, C)
          .activation("g", N, Extent.ONE, Extent.ONE, F)
          .makesImage();
    }
  }

  /**
   * (g): by the input of {@link Op.AdaptiveAveragePool}.
   *
   * @param height of its input
   * @param width of its input
   */
  @Text("adaptive-average-backward")
  record AdaptiveAveragePoolBackward(@Text(of = H) int height, @Text(of = W) int width)
      implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of()
          .given(H, height)
          .given(W, width)
          .activation("g", N, P, Q, C)
          .makesImage();
    }
  }

  /**
   * (g, x): by the input of {@link Op.LocalResponseNorm}. With S[c] = k + α/size·Σ x[j]²:
   * g[c]·S[c]^(−β) − 2·α·β/size·x[c]·Σ g[j]·x[j]·S[j]^(−β−1) over the j whose sum has c.
   *
   * @param norm that
   */
  @Text("lrn-backward")
  record LocalResponseNormBackward(Op.LocalResponseNorm norm) implements TrainingOp {
    @Override
    public Signature signature() {
      return Signature.of().image("g").image("x").makesImage();
    }
  }

  /** (g, y): g·y·(1 − y), y being what the sigmoid made. */
  record SigmoidBackward() implements ActivationBackward {
    @Override
    public double apply(double g, double y) {
      return g * y * (1 - y);
    }
  }

  /**
   * (g, x): by the input of {@link Op.Clip}: g where x lies between the bounds and on neither.
   *
   * @param min the lower bound
   * @param max the upper bound
   */
  record ClipBackward(@Text(absent = "-Infinity") float min, @Text(absent = "Infinity") float max)
      implements ActivationBackward {
    @Override
    public double apply(double g, double x) {
      return x > min && x < max ? g : 0;
    }
  }

  /**
   * (g, x): by the input of {@link Op.Unary}: g times the derivative.
   *
   * @param function whose
   * @param a its first parameter
   * @param b its second parameter
   */
  @Text({
    "leaky-relu-backward",
    "elu-backward",
    "hard-sigmoid-backward",
    "hard-swish-backward",
    "silu-backward",
    "gelu-backward",
    "gelu-tanh-backward",
    "tanh-backward",
    "exp-backward",
    "sqrt-backward",
    "abs-backward",
    "erf-backward",
    "log-backward",
    "reciprocal-backward",
    "softplus-backward"
  })
  record UnaryBackward(
      ElementFunction function, @Text(absent = "0") float a, @Text(absent = "0") float b)
      implements ActivationBackward {
    @Override
    public double apply(double g, double x) {
      return g * function.derivative(x, a, b);
    }
  }

  /**
   * (g, x, [gate]): by the gate of {@link Op.ScaleChannels}, the sum of g·x over the pixels of each
   * image; with a sigmoid times σ·(1 − σ) of the gate. That by x is the same operation on g.
   *
   * @param sigmoid whether the gate was put through one: then it is an input
   */
  record GateBackward(boolean sigmoid) implements TrainingOp {
    @Override
    public Signature signature() {
      Signature s = Signature.of().image("g").image("x");
      s = sigmoid ? s.activation("gate", N, Extent.ONE, Extent.ONE, C) : s;
      return s.makes(N, Extent.ONE, Extent.ONE, C);
    }
  }

  /**
   * (γ, statistics, sums, [a]): by the statistics of a normalisation: dμ = −s·Σdz and dσ² =
   * −½·γ·(σ² + ε)^(−3/2)·Σdz·(x − μ). Outputs 1 and 2 are dγ = Σdz·(x − μ)/√(σ² + ε) and dβ = Σdz.
   *
   * @param epsilon ε
   */
  record BatchNormGradient(@Text(absent = "0.125") float epsilon, boolean accumulate)
      implements Accumulating {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("gamma", Role.SCALE, C)
          .statistics("statistics")
          .sums("sums")
          .makesStatistics("y", C)
          .makesVector("gamma", C)
          .makesVector("beta", C)
          .accumulate(accumulate);
    }
  }

  /**
   * (x, statistics, g, [a]): by x of its statistics: (dμ + 2·(x − μ)·dσ²)/n, g being (dμ, dσ²), the
   * sum over all normalisations that read x. This is the B·x + C of the deferred form, for all of
   * them at once.
   */
  record BatchStatisticsBackward(boolean accumulate) implements Accumulating {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .statistics("statistics")
          .sums("g")
          .makesImage()
          .accumulate(accumulate);
    }
  }

  private static Signature logits() {
    return Signature.of()
        .activation("x", N, Extent.ONE, Extent.ONE, C)
        .takes("labels", Role.LABELS, N);
  }
}
