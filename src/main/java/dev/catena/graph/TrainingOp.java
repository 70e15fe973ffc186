package dev.catena.graph;

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
    Accumulating accumulating();
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
  record SoftmaxCrossEntropy(float smoothing, float weight) implements TrainingOp {}

  /** (x): mean and biased variance of each channel over the batch. */
  record BatchStatistics() implements TrainingOp {}

  /**
   * (x, w, [s, t], [b], [r]): a convolution; output 1 the statistics of what it makes, as it is
   * stored.
   *
   * @param conv the convolution
   */
  record ConvStatistics(Conv conv) implements TrainingOp {}

  /** (γ, statistics): s = γ/√(σ² + ε). */
  record BatchScale(float epsilon) implements TrainingOp {}

  /** (β, statistics, s): t = β − s·μ. */
  record BatchShift() implements TrainingOp {}

  /**
   * (μ, statistics): the running mean after this batch, (1 − m)·μ + m·mean.
   *
   * @param momentum m
   */
  record RunningMean(float momentum) implements TrainingOp {}

  /**
   * (σ², statistics): the running variance after this batch, (1 − m)·σ² + m·variance·n/(n − 1).
   *
   * @param momentum m
   * @param count n: values of a channel in the batch, N·H·W
   */
  record RunningVariance(float momentum, long count) implements TrainingOp {}

  /**
   * (x, random): each element is kept and divided by 1 − p, or zero with probability p. Which is
   * decided by {@link Philox} from the element's index, so nothing is stored: the gradient is the
   * same operation on g. {@code random} is four whole numbers below 2^24 in fp32: the low and high
   * halves of the seed, then of the step.
   *
   * @param probability p
   * @param stream tells the network's dropouts apart
   */
  record ApplyDropout(float probability, int stream) implements TrainingOp {}

  /**
   * (x, random): each image of x as it is, or zero with probability p: a branch of {@link
   * Op.StochasticDepth}. As {@link ApplyDropout} it is its own gradient; the counter is the image.
   *
   * @param probability p
   * @param stream tells the network's dropouts apart
   */
  record DropImages(float probability, int stream) implements TrainingOp {}

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
  record Augment(int padding, boolean flip, List<Float> mean, List<Float> scale, DType dtype)
      implements TrainingOp {
    private static final int STREAM = -1;

    public Augment {
      mean = List.copyOf(mean);
      scale = List.copyOf(scale);
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
  record Slice(int first, int channels) implements TrainingOp {}

  // ---- backward ------------------------------------------------------------------------------

  /**
   * (logits, labels, g): weight·g·(softmax(logits) − q)/N; g is one number, 1 or the loss scale.
   */
  record SoftmaxCrossEntropyBackward(float smoothing, float weight) implements TrainingOp {}

  /** (g, w, [a]): g·w. */
  record LinearDgrad(boolean accumulate) implements Accumulating {
    @Override
    public LinearDgrad accumulating() {
      return new LinearDgrad(true);
    }
  }

  /** (g, x): gᵀ·x, in fp32. */
  record LinearWgrad() implements TrainingOp {}

  /** (g): the sum of each channel over all pixels, in fp32: the gradient by a bias. */
  record ChannelSums() implements TrainingOp {}

  /** (g, y, [a]): g where y > 0, y being what the ReLU made. */
  record ReluBackward(boolean accumulate) implements Accumulating {
    @Override
    public ReluBackward accumulating() {
      return new ReluBackward(true);
    }
  }

  /**
   * (g, x, s, t, statistics, [a]): through {@link Op.ScaleShift}; output 1 the sums.
   *
   * @param relu whether that rectifies
   */
  record ScaleShiftBackward(boolean relu, boolean accumulate) implements Accumulating {
    @Override
    public ScaleShiftBackward accumulating() {
      return new ScaleShiftBackward(relu, true);
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
  record ConvDgrad(Conv conv, int height, int width, boolean accumulate) implements Accumulating {
    @Override
    public ConvDgrad accumulating() {
      return new ConvDgrad(conv, height, width, true);
    }
  }

  /**
   * (g, x, [s, t]): by the filters of a convolution, in fp32; a prologue is recomputed from x.
   *
   * @param conv the convolution, without bias and ReLU
   */
  record ConvWgrad(Conv conv) implements TrainingOp {}

  /**
   * (g, [x], [s, t, statistics], [a]): by the input of a pool. x is an input if the pool takes a
   * maximum or has a prologue; the first of equal maxima has the gradient. Through a prologue as
   * {@link ConvDgrad}.
   *
   * @param pool the pool
   * @param height of its input
   * @param width of its input
   */
  record PoolBackward(Pool pool, int height, int width, boolean accumulate)
      implements Accumulating {
    @Override
    public PoolBackward accumulating() {
      return new PoolBackward(pool, height, width, true);
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
  record GlobalAveragePoolBackward(Prologue prologue, int height, int width, boolean accumulate)
      implements Accumulating {
    @Override
    public GlobalAveragePoolBackward accumulating() {
      return new GlobalAveragePoolBackward(prologue, height, width, true);
    }
  }

  /**
   * (g): by the input of {@link Op.Flatten}.
   *
   * @param height of its input
   * @param width of its input
   */
  record FlattenBackward(int height, int width) implements TrainingOp {}

  /**
   * (g): by the input of {@link Op.AdaptiveAveragePool}.
   *
   * @param height of its input
   * @param width of its input
   */
  record AdaptiveAveragePoolBackward(int height, int width) implements TrainingOp {}

  /**
   * (g, x): by the input of {@link Op.LocalResponseNorm}. With S[c] = k + α/size·Σ x[j]²:
   * g[c]·S[c]^(−β) − 2·α·β/size·x[c]·Σ g[j]·x[j]·S[j]^(−β−1) over the j whose sum has c.
   *
   * @param norm that
   */
  record LocalResponseNormBackward(Op.LocalResponseNorm norm) implements TrainingOp {}

  /** (g, y): g·y·(1 − y), y being what the sigmoid made. */
  record SigmoidBackward() implements TrainingOp {}

  /**
   * (g, x, [gate]): by the gate of {@link Op.ScaleChannels}, the sum of g·x over the pixels of each
   * image; with a sigmoid times σ·(1 − σ) of the gate. That by x is the same operation on g.
   *
   * @param sigmoid whether the gate was put through one: then it is an input
   */
  record GateBackward(boolean sigmoid) implements TrainingOp {}

  /**
   * (γ, statistics, sums, [a]): by the statistics of a normalisation: dμ = −s·Σdz and dσ² =
   * −½·γ·(σ² + ε)^(−3/2)·Σdz·(x − μ). Outputs 1 and 2 are dγ = Σdz·(x − μ)/√(σ² + ε) and dβ = Σdz.
   *
   * @param epsilon ε
   */
  record BatchNormGradient(float epsilon, boolean accumulate) implements Accumulating {
    @Override
    public BatchNormGradient accumulating() {
      return new BatchNormGradient(epsilon, true);
    }
  }

  /**
   * (x, statistics, g, [a]): by x of its statistics: (dμ + 2·(x − μ)·dσ²)/n, g being (dμ, dσ²), the
   * sum over all normalisations that read x. This is the B·x + C of the deferred form, for all of
   * them at once.
   */
  record BatchStatisticsBackward(boolean accumulate) implements Accumulating {
    @Override
    public BatchStatisticsBackward accumulating() {
      return new BatchStatisticsBackward(true);
    }
  }
}
