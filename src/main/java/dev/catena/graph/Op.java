package dev.catena.graph;

/**
 * What a node computes. x, y are activations; s, t, b are vectors over channels, kept in fp32.
 *
 * <p>Each record names its inputs in order; an input in brackets is there only if the record says
 * so. Fused operations are ordinary operations: a rewrite makes them, engines implement them. What
 * training adds is a {@link TrainingOp}.
 */
public sealed interface Op
    permits Op.OnParameters,
        Op.FromNchw,
        Op.ToNchw,
        Op.Conv,
        Op.BatchNorm,
        Op.Relu,
        Op.Add,
        Op.Pool,
        Op.GlobalAveragePool,
        Op.Concat,
        Op.Linear,
        Op.Flatten,
        Op.AdaptiveAveragePool,
        Op.LocalResponseNorm,
        Op.Sigmoid,
        Op.ScaleChannels,
        Op.PadChannels,
        Op.Dropout,
        Op.StochasticDepth,
        Op.Auxiliary,
        Op.Scale,
        Op.ScaleShift,
        Op.Shortcut,
        Op.Join,
        Op.Copy,
        Op.DenseLayer,
        Op.InSlices,
        TrainingOp {

  /** Operations on parameters alone. Their results are computed on the host when weights load. */
  sealed interface OnParameters extends Op {}

  // ---- where values come from and go to ------------------------------------------------------

  /** A tensor of the checkpoint under the node's name. No inputs. */
  record Parameter(Init init) implements OnParameters {}

  /** (input) to an activation: N,C,H,W fp32 to N,H,W,C in the output's type. */
  record FromNchw() implements Op {}

  /** (x) to what the user takes: fp32, dense N,C,H,W in memory. */
  record ToNchw() implements Op {}

  // ---- layers as the papers have them --------------------------------------------------------

  /** What a convolution or pool applies to its input, element by element, while loading it. */
  enum Prologue {
    /** x. */
    NONE,
    /** s·x + t. */
    SCALE_SHIFT,
    /** max(0, s·x + t). Padding is zero after it, not before. */
    SCALE_SHIFT_RELU
  }

  /**
   * (x, w, [s, t], [b], [r]): y = relu?(conv(prologue(x), w) + b + r). Filters are K, C/groups, R,
   * S; cross-correlation, symmetric padding.
   *
   * @param kernelH R
   * @param kernelW S
   * @param stride of both axes
   * @param padH zero rows above and below
   * @param padW zero columns left and right
   * @param groups channels are split into so many independent convolutions
   * @param prologue with one, s and t are inputs 2 and 3
   * @param bias with it, b comes after those
   * @param residual with it, an activation r of the output's shape is the last input
   * @param relu applied last
   */
  record Conv(
      int kernelH,
      int kernelW,
      int stride,
      int padH,
      int padW,
      int groups,
      Prologue prologue,
      boolean bias,
      boolean residual,
      boolean relu)
      implements Op {
    /** One that adds no residual. */
    public Conv(
        int kernelH,
        int kernelW,
        int stride,
        int padH,
        int padW,
        int groups,
        Prologue prologue,
        boolean bias,
        boolean relu) {
      this(kernelH, kernelW, stride, padH, padW, groups, prologue, bias, false, relu);
    }

    /** A plain square convolution. */
    public static Conv of(int kernel, int stride, int pad) {
      return new Conv(kernel, kernel, stride, pad, pad, 1, Prologue.NONE, false, false);
    }

    /** The same with a prologue. */
    public Conv withPrologue(Prologue p) {
      return new Conv(kernelH, kernelW, stride, padH, padW, groups, p, bias, residual, relu);
    }

    /** The same with a bias and, if {@code rectified}, a ReLU. */
    public Conv withEpilogue(boolean biased, boolean rectified) {
      return new Conv(
          kernelH, kernelW, stride, padH, padW, groups, prologue, biased, residual, rectified);
    }

    /** The same with a residual added and, if {@code rectified}, a ReLU. */
    public Conv withResidual(boolean rectified) {
      return new Conv(
          kernelH, kernelW, stride, padH, padW, groups, prologue, bias, true, rectified);
    }

    /** The same without one. */
    public Conv withoutResidual() {
      return new Conv(kernelH, kernelW, stride, padH, padW, groups, prologue, bias, relu);
    }

    /** The same with so many groups. */
    public Conv withGroups(int count) {
      return new Conv(kernelH, kernelW, stride, padH, padW, count, prologue, bias, residual, relu);
    }

    /** Whether it sees one pixel at a time: 1x1, stride 1, no padding, one group. */
    public boolean pointwise() {
      return kernelH == 1 && kernelW == 1 && stride == 1 && padH == 0 && padW == 0 && groups == 1;
    }

    /** Index of the bias among the inputs. */
    public int biasIndex() {
      return prologue == Prologue.NONE ? 2 : 4;
    }

    /** Index of the residual among the inputs. */
    public int residualIndex() {
      return biasIndex() + (bias ? 1 : 0);
    }
  }

  /**
   * (x, γ, β, μ, σ²): y = γ·(x − μ)/√(σ² + ε) + β with the running statistics, Ioffe and Szegedy,
   * arXiv 1502.03167.
   *
   * @param epsilon ε
   */
  record BatchNorm(float epsilon) implements Op {}

  /** (x): max(0, x). */
  record Relu() implements Op {}

  /** (x, y): relu?(x + y). */
  record Add(boolean relu) implements Op {}

  /** Largest or mean value of a window. */
  enum PoolKind {
    MAX,
    AVERAGE
  }

  /**
   * (x, [s, t]): the largest or mean value of each window of prologue(x).
   *
   * @param kind which
   * @param kernel window height and width
   * @param stride of both axes
   * @param pad cells outside the image around it; a maximum ignores them
   * @param ceil whether a last, partial window counts; a mean divides by the cells that it has
   * @param includePad whether a mean counts padding cells
   * @param prologue with one, s and t are inputs 1 and 2
   */
  record Pool(
      PoolKind kind,
      int kernel,
      int stride,
      int pad,
      boolean ceil,
      boolean includePad,
      Prologue prologue)
      implements Op {
    /** The same of another kind. */
    public Pool withKind(PoolKind other) {
      return new Pool(other, kernel, stride, pad, ceil, includePad, prologue);
    }

    /** The same with a prologue. */
    public Pool withPrologue(Prologue p) {
      return new Pool(kind, kernel, stride, pad, ceil, includePad, p);
    }
  }

  /** (x, [s, t]): the mean of all pixels, N,1,1,C. */
  record GlobalAveragePool(Prologue prologue) implements Op {}

  /** (x0, x1, …): channels one after the other, copied into a buffer of their own. */
  record Concat() implements Op {}

  /** (x, w, b): y = x·wᵀ + b on N,1,1,C; w is K,C. */
  record Linear() implements Op {}

  /** (x) to N,1,1,C·H·W in the order C,H,W, as frameworks flatten. */
  record Flatten() implements Op {}

  /**
   * (x): pixel (i,j) is the mean over rows ⌊i·H/h⌋ to ⌈(i+1)·H/h⌉ and columns alike.
   *
   * @param height h of the output
   * @param width of the output
   */
  record AdaptiveAveragePool(int height, int width) implements Op {}

  /**
   * (x): y[c] = x[c] / (k + α/size · Σ x[j]²)^β over the {@code size} channels j around c, those
   * from c − ⌊size/2⌋ on: Krizhevsky et al., 2012, section 3.3, with α divided by the size as
   * frameworks do.
   *
   * @param size channels of the sum
   * @param alpha α
   * @param beta β
   * @param k k
   */
  record LocalResponseNorm(int size, float alpha, float beta, float k) implements Op {}

  /** (x): 1 / (1 + exp(−x)). */
  record Sigmoid() implements Op {}

  /**
   * (x, g, [r]): relu?(x·g + r), g of N,1,1,C for every pixel: Hu et al., arXiv 1709.01507.
   *
   * @param sigmoid whether g is first put through one
   * @param residual with it, r is the last input
   * @param relu applied last
   */
  record ScaleChannels(boolean sigmoid, boolean residual, boolean relu) implements Op {
    /** x·g. */
    public static final ScaleChannels PLAIN = new ScaleChannels(false, false, false);
  }

  /**
   * (x): channels of zeros behind those of x.
   *
   * @param channels all of the output
   */
  record PadChannels(int channels) implements Op {}

  /**
   * (x): the branch of a residual block, Huang et al., arXiv 1603.09382: in training there or zero,
   * image by image, in inference times its probability.
   *
   * @param survival probability to be there
   */
  record StochasticDepth(float survival) implements Op {}

  /**
   * (x): zero with a probability in training, x in inference.
   *
   * @param probability of zero
   */
  record Dropout(float probability) implements Op {}

  /**
   * (logits): of a classifier beside the network's own, whose loss is added to the network's while
   * training: Szegedy et al., arXiv 1409.4842, section 5. Inference has none.
   *
   * @param weight of its loss
   */
  record Auxiliary(float weight) implements Op {}

  /**
   * (x): x times a number, as of a residual block's shortcut in arXiv 1603.05027, section 3.1.
   *
   * @param factor the number
   */
  record Scale(float factor) implements Op {}

  // ---- what rewrites make --------------------------------------------------------------------

  /** (x, s, t): relu?(s·x + t): batch normalisation with known statistics. */
  record ScaleShift(boolean relu) implements Op {}

  /** What a shortcut without parameters does where a block halves the image. */
  enum Sampling {
    /** Nothing: the image stays as it is. */
    NONE,
    /** Every second pixel of every second row: option A of He et al., arXiv 1512.03385. */
    SUBSAMPLE,
    /** The mean of 2x2 pixels, fewer at an odd border: Han et al., arXiv 1610.02915. */
    AVERAGE
  }

  /**
   * (f, x, [s, t]): relu?(s·(f + S(x)) + t), where S(x) has zero channels behind those of x, which
   * are never in memory.
   *
   * @param sampling S
   * @param affine with it, s and t are inputs 2 and 3
   * @param relu applied last
   */
  record Shortcut(Sampling sampling, boolean affine, boolean relu) implements Op {}

  /**
   * (x0, x1, …): channels one after the other, each already written in its place. Costs nothing.
   */
  record Join() implements Op {}

  /**
   * (x): a second copy of x, because it must stand in two places.
   *
   * @param why for the plan's report
   */
  record Copy(String why) implements Op {}

  /**
   * (x, s, t, w1, b1, w2): y = conv3x3(relu(conv1x1(relu(s·x + t), w1) + b1), w2), padding 1: a
   * bottleneck layer of DenseNet whose bottleneck stays on the chip.
   */
  record DenseLayer() implements Op {}

  /**
   * (batch, constants…): applies {@code body} to the batch {@code images} at a time; what the body
   * keeps between its nodes exists for one slice only. The body's inputs are one slice and the same
   * constants; it has one output.
   *
   * @param body a graph for {@code images} images
   * @param images a divisor of the batch
   */
  record InSlices(Graph body, int images) implements Op {
    @Override
    public String toString() {
      return "InSlices[images=" + images + ", body=" + body.name() + "]";
    }
  }

  // ---- on parameters -------------------------------------------------------------------------

  /** (γ, σ²): s = γ/√(σ² + ε). */
  record BnScale(float epsilon) implements OnParameters {}

  /** (β, μ, s): t = β − s·μ. */
  record BnShift() implements OnParameters {}

  /**
   * The same number {@code count} times; no inputs.
   *
   * @param value the number
   * @param count how often
   */
  record Filled(float value, int count) implements OnParameters {}

  /** (w, s): each output channel k of the filters times s[k]. */
  record ScaleFilters() implements OnParameters {}

  /** (b, s, t): s·b + t. */
  record ScaleShiftBias() implements OnParameters {}
}
