package dev.catena.graph;

import static dev.catena.graph.Axis.C;
import static dev.catena.graph.Axis.D;
import static dev.catena.graph.Axis.F;
import static dev.catena.graph.Axis.G;
import static dev.catena.graph.Axis.H;
import static dev.catena.graph.Axis.K;
import static dev.catena.graph.Axis.M;
import static dev.catena.graph.Axis.N;
import static dev.catena.graph.Axis.P;
import static dev.catena.graph.Axis.Q;
import static dev.catena.graph.Axis.W;

import dev.catena.error.GraphException;
import java.util.List;

/**
 * What a node computes. x, y are activations; s, t, b are vectors over channels, kept in fp32.
 *
 * <p>Each record names its inputs in order; an input in brackets is there only if the record says
 * so. Fused operations are ordinary operations: a rewrite makes them, engines implement them. What
 * training adds is a {@link TrainingOp}.
 */
public sealed interface Op
    permits Op.OnParameters,
        Op.Elementwise,
        Op.FromNchw,
        Op.ToNchw,
        Op.Conv,
        Op.BatchNorm,
        Op.Add,
        Op.Pool,
        Op.GlobalAveragePool,
        Op.Concat,
        Op.Linear,
        Op.Flatten,
        Op.AdaptiveAveragePool,
        Op.LocalResponseNorm,
        Op.ScaleChannels,
        Op.Binary,
        Op.Arrange,
        Op.Softmax,
        Op.ArgMax,
        Op.Norm,
        Op.MatMul,
        Op.PadChannels,
        Op.Sample,
        Op.Dropout,
        Op.StochasticDepth,
        Op.ScaleShift,
        Op.Shortcut,
        Op.Join,
        Op.DenseLayer,
        Op.InSlices,
        TrainingOp {

  /**
   * The inputs and outputs by name, with their shapes and what these have to do with each other.
   */
  Signature signature();

  /** Operations on parameters alone. Their results are computed on the host when weights load. */
  sealed interface OnParameters extends Op {}

  /** Makes an activation of the same shape, one element of one. */
  sealed interface Elementwise extends Op {
    @Override
    default Signature signature() {
      return Signature.ofImage().makesImage();
    }
  }

  /** A function of each element, with its derivative. */
  sealed interface Activation extends Elementwise permits Relu, Sigmoid, Clip, Unary {
    /** The function in fp64; NaN stays NaN. */
    double apply(double x);

    /** The gradient by x, an operation on g and on what {@link #gradientReadsOutput} says. */
    TrainingOp gradient();

    /** Whether the gradient reads y, or else x. */
    boolean gradientReadsOutput();
  }

  // ---- where values come from and go to ------------------------------------------------------

  /**
   * A tensor of the checkpoint under the node's name. No inputs.
   *
   * @param init how it starts
   * @param frozen whether training leaves it as it is
   */
  record Parameter(Init init, boolean frozen) implements OnParameters {
    /** One that training may change. */
    public Parameter(Init init) {
      this(init, false);
    }

    @Override
    public Signature signature() {
      throw new GraphException("a parameter's shape is given, not inferred");
    }
  }

  /** (input) to an activation: N,C,H,W fp32 to N,H,W,C in the output's type. */
  record FromNchw() implements Op {
    @Override
    public Signature signature() {
      return Signature.of().takes("x", Role.IMAGES, N, H, W, C).makesImage();
    }
  }

  /** (x) to what the user takes: fp32, dense N,C,H,W in memory. */
  record ToNchw() implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage().makesImages();
    }
  }

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
   * S; cross-correlation, padded by zeros.
   *
   * @param kernelH R
   * @param kernelW S
   * @param stride from one window to the one below it
   * @param strideW to the one beside it
   * @param padH zero rows above
   * @param padW zero columns left
   * @param endH zero rows below
   * @param endW zero columns right
   * @param dilation rows from one tap to the next
   * @param dilationW columns from one tap to the next
   * @param groups channels are split into so many independent convolutions
   * @param prologue with one, s and t are inputs 2 and 3
   * @param bias with it, b comes after those
   * @param residual with it, an activation r of the output's shape is the last input
   * @param relu applied last
   */
  record Conv(
      @Text(value = "kernel", absent = "1") int kernelH,
      @Text(value = "kernel", absent = "1") int kernelW,
      @Text(absent = "1") int stride,
      @Text(absent = "stride") int strideW,
      @Text(value = "pad", absent = "0") int padH,
      @Text(value = "pad", absent = "0") int padW,
      @Text(absent = "padH") int endH,
      @Text(absent = "padW") int endW,
      @Text(absent = "1") int dilation,
      @Text(absent = "dilation") int dilationW,
      @Text(absent = "1") int groups,
      Prologue prologue,
      boolean bias,
      boolean residual,
      boolean relu)
      implements Op {
    @Override
    public Signature signature() {
      Signature s =
          Signature.ofImage()
              .takes("w", Role.FILTERS, K, G, Extent.of(kernelH), Extent.of(kernelW))
              .affine(prologue);
      s = bias ? s.takes("b", Role.BIAS, K) : s;
      s = residual ? s.activation("r", N, P, Q, K) : s;
      return extents(s).makes(N, P, Q, K);
    }

    /** Adds to {@code signature} what the extents of a convolution and its gradients obey. */
    Signature extents(Signature signature) {
      return signature
          .require(groups >= 1, groups + " groups")
          .product(C, G, Extent.of(groups))
          .check(
              (extents, _) -> extents.of(K) % groups == 0,
              "its filters do not make " + groups + " groups")
          .window(P, H, rows(), false)
          .window(Q, W, columns(), false);
    }

    /** One of any windows, without prologue, residual and ReLU. */
    public Conv(Window rows, Window columns, int groups, boolean bias) {
      this(rows, columns, groups, Prologue.NONE, bias, false, false);
    }

    private Conv(
        Window rows,
        Window columns,
        int groups,
        Prologue prologue,
        boolean bias,
        boolean residual,
        boolean relu) {
      this(
          rows.kernel,
          columns.kernel,
          rows.stride,
          columns.stride,
          rows.pad,
          columns.pad,
          rows.end,
          columns.end,
          rows.dilation,
          columns.dilation,
          groups,
          prologue,
          bias,
          residual,
          relu);
    }

    /** One of regular windows that adds no residual. */
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
      this(
          Window.of(kernelH, stride, padH),
          Window.of(kernelW, stride, padW),
          groups,
          prologue,
          bias,
          false,
          relu);
    }

    /** The windows along the image's height. */
    public Window rows() {
      return new Window(kernelH, stride, padH, endH, dilation);
    }

    /** The windows along the image's width. */
    public Window columns() {
      return new Window(kernelW, strideW, padW, endW, dilationW);
    }

    /** Whether there is one stride, no dilation, and as much padding behind the image as before. */
    public boolean regular() {
      return rows().equals(Window.of(kernelH, stride, padH))
          && columns().equals(Window.of(kernelW, stride, padW));
    }

    /** A plain square convolution. */
    public static Conv of(int kernel, int stride, int pad) {
      return new Conv(kernel, kernel, stride, pad, pad, 1, Prologue.NONE, false, false);
    }

    /** The same with a prologue. */
    public Conv withPrologue(Prologue p) {
      return new Conv(rows(), columns(), groups, p, bias, residual, relu);
    }

    /** The same with a bias and, if {@code rectified}, a ReLU. */
    public Conv withEpilogue(boolean biased, boolean rectified) {
      return new Conv(rows(), columns(), groups, prologue, biased, residual, rectified);
    }

    /** The same with a residual added and, if {@code rectified}, a ReLU. */
    public Conv withResidual(boolean rectified) {
      return new Conv(rows(), columns(), groups, prologue, bias, true, rectified);
    }

    /** The same with so many groups. */
    public Conv withGroups(int count) {
      return new Conv(rows(), columns(), count, prologue, bias, residual, relu);
    }

    /** Whether it sees one pixel at a time: 1x1, stride 1, no padding, one group. */
    public boolean pointwise() {
      Window point = Window.of(1, 1, 0);
      return rows().equals(point) && columns().equals(point) && groups == 1;
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
  record BatchNorm(float epsilon) implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .takes("gamma", Role.SCALE, C)
          .takes("beta", Role.BIAS, C)
          .takes("mean", Role.BIAS, C)
          .takes("variance", Role.SCALE, C)
          .makesImage();
    }
  }

  /** (x): max(0, x). */
  record Relu() implements Activation {
    @Override
    public double apply(double x) {
      return x < 0 ? 0 : x;
    }

    @Override
    public TrainingOp gradient() {
      return new TrainingOp.ReluBackward(false);
    }

    @Override
    public boolean gradientReadsOutput() {
      return true;
    }
  }

  /** (x, y): relu?(x + y). */
  record Add(boolean relu) implements Op {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("x", Role.ADDEND)
          .takes("r", Role.ADDEND)
          .check(
              (_, in) ->
                  in.get(0).shape().equals(in.get(1).shape())
                      && in.get(0).layout() == in.get(1).layout(),
              "cannot add values of two shapes or layouts")
          .makesAsFirst();
    }
  }

  /**
   * The windows along one axis: tap t of window i lies at i·stride − pad + t·dilation.
   *
   * @param kernel taps
   * @param stride from one window to the next
   * @param pad cells before the image
   * @param end cells behind the image
   * @param dilation from one tap to the next
   */
  record Window(int kernel, int stride, int pad, int end, int dilation) {
    /** Windows without gaps, padded alike on both sides. */
    public static Window of(int kernel, int stride, int pad) {
      return new Window(kernel, stride, pad, pad, 1);
    }

    /** Cells from the first tap to the last. */
    public long reach() {
      return (kernel - 1L) * dilation + 1;
    }
  }

  /** Largest or mean value of a window. */
  enum PoolKind {
    MAX,
    AVERAGE
  }

  /**
   * (x, [s, t]): the largest or mean value of each window of prologue(x).
   *
   * @param kind which
   * @param kernel rows of a window
   * @param kernelW its columns
   * @param stride from one window to the one below it
   * @param strideW to the one beside it
   * @param pad rows above the image; a maximum ignores padding
   * @param padW columns left of it
   * @param end rows below the image
   * @param endW columns right of it
   * @param dilation rows from one tap to the next
   * @param dilationW columns from one tap to the next
   * @param ceil whether a last, partial window counts; a mean divides by the cells that it has
   * @param includePad whether a mean counts padding cells
   * @param prologue with one, s and t are inputs 1 and 2
   */
  @Text({"max-pool", "average-pool"})
  record Pool(
      PoolKind kind,
      int kernel,
      @Text(absent = "kernel") int kernelW,
      @Text(absent = "kernel") int stride,
      @Text(absent = "stride") int strideW,
      @Text(absent = "0") int pad,
      @Text(absent = "pad") int padW,
      @Text(absent = "pad") int end,
      @Text(absent = "padW") int endW,
      @Text(absent = "1") int dilation,
      @Text(absent = "dilation") int dilationW,
      boolean ceil,
      boolean includePad,
      Prologue prologue)
      implements Op {
    @Override
    public Signature signature() {
      return extents(Signature.ofImage().affine(prologue)).makes(N, P, Q, C);
    }

    /** Adds to {@code signature} what the extents of a pool and its gradient obey. */
    Signature extents(Signature signature) {
      for (Window axis : List.of(rows(), columns())) {
        int most = Math.max(axis.pad(), axis.end());
        signature.require(
            most < axis.reach(), "a window of " + axis.reach() + " fits in a padding of " + most);
      }
      return signature.window(P, H, rows(), ceil).window(Q, W, columns(), ceil);
    }

    /** A pool of any windows. */
    public Pool(
        PoolKind kind,
        Window rows,
        Window columns,
        boolean ceil,
        boolean includePad,
        Prologue prologue) {
      this(
          kind,
          rows.kernel,
          columns.kernel,
          rows.stride,
          columns.stride,
          rows.pad,
          columns.pad,
          rows.end,
          columns.end,
          rows.dilation,
          columns.dilation,
          ceil,
          includePad,
          prologue);
    }

    /** One of square windows. */
    public static Pool of(PoolKind kind, int kernel, int stride, int pad) {
      Window axis = Window.of(kernel, stride, pad);
      return new Pool(kind, axis, axis, false, false, Prologue.NONE);
    }

    /** The windows along the image's height. */
    public Window rows() {
      return new Window(kernel, stride, pad, end, dilation);
    }

    /** The windows along the image's width. */
    public Window columns() {
      return new Window(kernelW, strideW, padW, endW, dilationW);
    }

    /** Whether windows are square, not padded, and as far apart in both directions. */
    public boolean plain() {
      return rows().equals(columns()) && rows().equals(Window.of(kernel, stride, 0));
    }

    /** The same of another kind. */
    public Pool withKind(PoolKind other) {
      return new Pool(other, rows(), columns(), ceil, includePad, prologue);
    }

    /** The same of which a last, partial window counts. */
    public Pool withCeil() {
      return new Pool(kind, rows(), columns(), true, includePad, prologue);
    }

    /** The same with a prologue. */
    public Pool withPrologue(Prologue p) {
      return new Pool(kind, rows(), columns(), ceil, includePad, p);
    }
  }

  /** (x, [s, t]): the mean of all pixels, N,1,1,C. */
  @Text("global-average")
  record GlobalAveragePool(Prologue prologue) implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage().affine(prologue).makes(N, Extent.ONE, Extent.ONE, C);
    }
  }

  /** (x0, x1, …): channels one after the other, copied into a buffer of their own. */
  record Concat() implements Op {
    @Override
    public Signature signature() {
      return Signature.of().joined("x").makesImage();
    }
  }

  /** (x, w, b): y = x·wᵀ + b on N,1,1,C; w is K,C. */
  record Linear() implements Op {
    @Override
    public Signature signature() {
      return Signature.of()
          .activation("x", N, Extent.ONE, Extent.ONE, C)
          .takes("w", Role.FILTERS, K, C)
          .takes("b", Role.BIAS, K)
          .makes(N, Extent.ONE, Extent.ONE, K);
    }
  }

  /** (x) to N,1,1,C·H·W in the order C,H,W, as frameworks flatten. */
  record Flatten() implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage().product(F, H, W, C).makes(N, Extent.ONE, Extent.ONE, F);
    }
  }

  /**
   * (x): pixel (i,j) is the mean over rows ⌊i·H/h⌋ to ⌈(i+1)·H/h⌉ and columns alike.
   *
   * @param height h of the output
   * @param width of the output
   */
  @Text("adaptive-average")
  record AdaptiveAveragePool(
      @Text(value = "out", absent = "1") int height, @Text(value = "out", absent = "1") int width)
      implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage().makes(N, Extent.of(height), Extent.of(width), C);
    }
  }

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
  @Text("lrn")
  record LocalResponseNorm(
      int size,
      @Text(absent = "0.5") float alpha,
      @Text(absent = "0.75") float beta,
      @Text(value = "bias", absent = "2") float k)
      implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .makesImage()
          .require(size >= 1 && k > 0 && alpha >= 0, "divides by zero: " + this);
    }
  }

  /** (x): 1 / (1 + exp(−x)). */
  record Sigmoid() implements Activation {
    @Override
    public double apply(double x) {
      return 1 / (1 + Math.exp(-x));
    }

    @Override
    public TrainingOp gradient() {
      return new TrainingOp.SigmoidBackward();
    }

    @Override
    public boolean gradientReadsOutput() {
      return true;
    }
  }

  /**
   * (x): x between two bounds, of which one may be infinite; between 0 and 6 the ReLU6 of
   * Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
   *
   * @param min what smaller values become
   * @param max what larger values become
   */
  record Clip(@Text(absent = "-Infinity") float min, @Text(absent = "Infinity") float max)
      implements Activation {
    @Override
    public Signature signature() {
      return Activation.super.signature().require(min <= max, "no bounds: " + this);
    }

    @Override
    public double apply(double x) {
      return x < min ? min : x > max ? max : x;
    }

    @Override
    public TrainingOp gradient() {
      return new TrainingOp.ClipBackward(min, max);
    }

    @Override
    public boolean gradientReadsOutput() {
      return false; // Rounded to its type, a bound may lie between the bounds.
    }
  }

  /**
   * (x): a function of each element.
   *
   * @param function which
   * @param a its first parameter, where it has one
   * @param b its second parameter, where it has one
   */
  @Text({
    "leaky-relu",
    "elu",
    "hard-sigmoid",
    "hard-swish",
    "silu",
    "gelu",
    "gelu-tanh",
    "tanh",
    "exp",
    "sqrt",
    "abs",
    "erf",
    "log",
    "reciprocal",
    "softplus"
  })
  record Unary(ElementFunction function, @Text(absent = "0") float a, @Text(absent = "0") float b)
      implements Activation {
    @Override
    public double apply(double x) {
      return function.apply(x, a, b);
    }

    @Override
    public TrainingOp gradient() {
      return new TrainingOp.UnaryBackward(function, a, b);
    }

    @Override
    public boolean gradientReadsOutput() {
      return false;
    }
  }

  /**
   * (x, g, [r]): relu?(x·g + r), g of N,1,1,C for every pixel: Hu et al., arXiv 1709.01507.
   *
   * @param sigmoid whether g is first put through one
   * @param residual with it, r is the last input
   * @param relu applied last
   */
  record ScaleChannels(boolean sigmoid, boolean residual, boolean relu) implements Op {
    @Override
    public Signature signature() {
      Signature s = Signature.ofImage().activation("gate", N, Extent.ONE, Extent.ONE, C);
      return (residual ? s.image("r") : s).makesImage();
    }

    /** x·g. */
    public static final ScaleChannels PLAIN = new ScaleChannels(false, false, false);
  }

  /**
   * (a, b): a function of two elements. b may be a constant N,H,W,C, and have one image, row,
   * column or channel that all of a share.
   *
   * @param function which
   * @param swapped f(b, a) in place of f(a, b)
   * @param sharedN whether b has one image
   * @param sharedH whether b has one row
   * @param sharedW whether b has one column
   * @param sharedC whether b has one channel
   */
  @Text({"mul", "sum", "sub", "div", "max", "min", "pow", "prelu"})
  record Binary(
      BinaryFunction function,
      boolean swapped,
      boolean sharedN,
      boolean sharedH,
      boolean sharedW,
      boolean sharedC)
      implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .takes(
              "b",
              Role.OPERAND,
              sharedN ? Extent.ONE : N,
              sharedH ? Extent.ONE : H,
              sharedW ? Extent.ONE : W,
              sharedC ? Extent.ONE : C)
          .makesImage();
    }

    /** One whose b has the shape {@code b}. */
    public static Binary of(BinaryFunction function, boolean swapped, Shape a, Shape b) {
      return new Binary(
          function, swapped, b.n() < a.n(), b.h() < a.h(), b.w() < a.w(), b.c() < a.c());
    }

    /** Whether all of b is read once. */
    boolean sharesNothing() {
      return !sharedN && !sharedH && !sharedW && !sharedC;
    }
  }

  /**
   * (x): elements of x, which may be a constant N,H,W,C, in another order: transposed, sliced,
   * reshaped, repeated. Element k of y in the order N,H,W,C is element offset + Σ digit·stride of
   * x, over the digits of k in a number system whose bases are the extents, the first for the
   * highest digit.
   *
   * @param images of y
   * @param height of y
   * @param width of y
   * @param channels of y
   * @param extents at most eight, whose product is the number of elements
   * @param strides as many
   * @param offset the first element
   */
  record Arrange(
      @Text("shape") int images,
      @Text("shape") int height,
      @Text("shape") int width,
      @Text("shape") int channels,
      List<Integer> extents,
      List<Integer> strides,
      @Text(absent = "0") int offset)
      implements Op {
    /** How many extents there may be. */
    public static final int MOST_EXTENTS = 8;

    public Arrange {
      extents = List.copyOf(extents);
      strides = List.copyOf(strides);
    }

    @Override
    public Signature signature() {
      return Signature.of()
          .takes("x", Role.OPERAND, N, H, W, C)
          .require(
              extents.size() == strides.size()
                  && extents.size() <= MOST_EXTENTS
                  && new Shape(extents).elements()
                      == Shape.nhwc(images, height, width, channels).elements(),
              "its extents " + extents + " and strides " + strides + " do not make its shape")
          .check(
              (e, _) -> reaches(Shape.nhwc(e.of(N), e.of(H), e.of(W), e.of(C)).elements()),
              "it reads beyond x: " + this)
          .makes(Extent.of(images), Extent.of(height), Extent.of(width), Extent.of(channels));
    }

    private boolean reaches(long elements) {
      long first = offset;
      long last = offset;
      for (int i = 0; i < extents.size(); i++) {
        long span = (extents.get(i) - 1L) * strides.get(i);
        first += Math.min(span, 0);
        last += Math.max(span, 0);
      }
      return first >= 0 && last < elements && elements <= Integer.MAX_VALUE;
    }

    /** The element of x that becomes element {@code index} of y. */
    int source(int index) {
      int at = offset;
      int rest = index;
      for (int i = extents.size() - 1; i >= 0; i--) {
        at += rest % extents.get(i) * strides.get(i);
        rest /= extents.get(i);
      }
      return at;
    }
  }

  /** What a softmax gives. */
  enum SoftmaxForm {
    PROBABILITIES,
    LOGARITHMS
  }

  /**
   * (x): exp(x) over its sum over the channels of each pixel, or the logarithm of that.
   *
   * @param form which
   */
  @Text({"softmax", "log-softmax"})
  record Softmax(SoftmaxForm form) implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage().makesImage();
    }
  }

  /**
   * (x): the number of the largest channel of each pixel, in fp32.
   *
   * @param last of several the last, or else the first
   */
  @Text("argmax")
  record ArgMax(boolean last) implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage().makes(N, H, W, Extent.ONE).of(DType.FP32);
    }
  }

  /** Which pixels a normalisation takes together. */
  enum NormOver {
    /** Each by itself: a layer norm, Ba et al., arXiv 1607.06450. */
    PIXEL,
    /** Those of an image: a group norm, Wu and He, arXiv 1803.08494. */
    IMAGE
  }

  /**
   * (x, γ, β): γ·(x − μ)/√(σ² + ε) + β with the mean and variance of each group of channels.
   *
   * @param over of which pixels
   * @param groups equal parts of the channels; of an instance norm each channel is one
   * @param root without μ, and the mean of x² in place of σ²: Zhang and Sennrich, arXiv 1910.07467
   * @param epsilon ε
   */
  @Text({"layer-norm", "group-norm"})
  record Norm(
      NormOver over,
      @Text(absent = "1") int groups,
      boolean root,
      @Text(absent = "0.125") float epsilon)
      implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .takes("gamma", Role.SCALE, C)
          .takes("beta", Role.SHIFT, C)
          .require(groups >= 1, groups + " groups")
          .check(
              (extents, _) -> extents.of(C) % groups == 0,
              "its channels do not make " + groups + " groups")
          .makesImage();
    }
  }

  /**
   * (a, b): products of matrices, which are the rows of images: y[n,h] = a[n,h]·b[n,h], a being W,C
   * and b C,K. Each may be a constant N,H,W,C.
   *
   * @param transposed b is K,C
   * @param sharedN whether b has one image
   * @param sharedH whether b has one row
   */
  @Text("matmul")
  record MatMul(boolean transposed, boolean sharedN, boolean sharedH) implements Op {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("a", Role.OPERAND, N, H, W, C)
          .takes(
              "b",
              Role.OPERAND,
              sharedN ? Extent.ONE : N,
              sharedH ? Extent.ONE : H,
              transposed ? K : C,
              transposed ? C : K)
          .makes(N, H, W, K);
    }
  }

  /**
   * (x): channels of zeros behind those of x.
   *
   * @param channels all of the output
   */
  record PadChannels(@Text("k") int channels) implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .check(
              (extents, _) -> extents.of(C) <= channels,
              "x has more than " + channels + " channels")
          .makes(N, H, W, Extent.of(channels));
    }
  }

  /**
   * (x, rows, columns): pixel (i,j) is x at row rows[i] and column columns[j], counted from 0;
   * between pixels it is interpolated linearly. So an image is padded, cropped, flipped or resized.
   *
   * @param fill what lies outside of x
   */
  record Sample(@Text(absent = "0") float fill) implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .takes("rows", Role.BIAS, P)
          .takes("columns", Role.BIAS, Q)
          .makes(N, P, Q, C);
    }
  }

  /**
   * (x): the branch of a residual block, Huang et al., arXiv 1603.09382: in training there or zero,
   * image by image, in inference times its probability.
   *
   * @param survival probability to be there
   */
  record StochasticDepth(float survival) implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .makesImage()
          .require(survival > 0 && survival <= 1, "not a probability: " + this);
    }
  }

  /**
   * (x): zero with a probability in training, x in inference.
   *
   * @param probability of zero
   */
  record Dropout(float probability) implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .makesImage()
          .require(probability >= 0 && probability < 1, "not a probability: " + this);
    }
  }

  /**
   * (logits): of a classifier beside the network's own, whose loss is added to the network's while
   * training: Szegedy et al., arXiv 1409.4842, section 5. Inference has none.
   *
   * @param weight of its loss
   */
  record Auxiliary(float weight) implements Elementwise {}

  /**
   * (x): x times a number, as of a residual block's shortcut in arXiv 1603.05027, section 3.1.
   *
   * @param factor the number
   */
  record Scale(@Text(absent = "0.5") float factor) implements Elementwise {}

  // ---- what rewrites make --------------------------------------------------------------------

  /** (x, s, t): relu?(s·x + t): batch normalisation with known statistics. */
  record ScaleShift(boolean relu) implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage().affine(Prologue.SCALE_SHIFT).makesImage();
    }
  }

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
  record Shortcut(Sampling sampling, boolean affine, boolean relu) implements Op {
    @Override
    public Signature signature() {
      int step = sampling == Sampling.NONE ? 1 : 2;
      return Signature.of()
          .image("f")
          .activation("x", N, P, Q, D)
          .window(H, P, Window.of(1, step, 0), false)
          .window(W, Q, Window.of(1, step, 0), false)
          .affine(affine ? Prologue.SCALE_SHIFT : Prologue.NONE)
          .check((extents, _) -> extents.of(D) <= extents.of(C), "x has more channels than f")
          .makesImage();
    }
  }

  /**
   * (x0, x1, …): channels one after the other, each already written in its place. Costs nothing.
   */
  record Join() implements Op {
    @Override
    public Signature signature() {
      return Signature.of().joined("x").makesImage();
    }
  }

  /**
   * (x): a second copy of x, because it must stand in two places.
   *
   * @param why for the plan's report
   */
  record Copy(@Text(absent = "check") String why) implements Elementwise {}

  /**
   * (x, s, t, w1, b1, w2): y = conv3x3(relu(conv1x1(relu(s·x + t), w1) + b1), w2), padding 1: a
   * bottleneck layer of DenseNet whose bottleneck stays on the chip.
   */
  record DenseLayer() implements Op {
    @Override
    public Signature signature() {
      return Signature.ofImage()
          .affine(Prologue.SCALE_SHIFT_RELU)
          .takes("w1", Role.FILTERS, M, C, Extent.ONE, Extent.ONE)
          .takes("b1", Role.BIAS, M)
          .takes("w2", Role.FILTERS, K, M, Extent.of(3), Extent.of(3))
          .makes(N, H, W, K);
    }
  }

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
    public Signature signature() {
      List<Value> taken = body.inputs();
      Signature s = Signature.of().require(!taken.isEmpty(), "the body takes nothing");
      s.takes("x", Role.BATCH, batched(taken.getFirst()));
      for (Value constant : taken.subList(1, taken.size())) {
        s.takes(constant.name(), Role.CONSTANT);
      }
      Value made = body.outputs().getFirst();
      return s.check(
              (extents, _) -> images >= 1 && extents.of(N) % images == 0,
              images + " images do not divide the batch")
          .check(
              (_, in) ->
                  in.getFirst().layout() == taken.getFirst().layout()
                      && taken.getFirst().shape().n() == images
                      && in.subList(1, in.size()).equals(taken.subList(1, taken.size())),
              "the body takes " + taken + ", not a slice and the same constants")
          .check(
              (_, _) ->
                  body.outputs().size() == 1
                      && made.layout() == Layout.NHWC
                      && made.shape().n() == images,
              "the body makes " + body.outputs() + ", not one activation of " + images + " images")
          .makes(batched(made));
    }

    private static Extent[] batched(Value value) {
      Shape slice = value.shape();
      return new Extent[] {N, Extent.of(slice.h()), Extent.of(slice.w()), Extent.of(slice.c())};
    }

    @Override
    public String toString() {
      return "InSlices[images=" + images + ", body=" + body.name() + "]";
    }
  }

  // ---- on parameters -------------------------------------------------------------------------

  /** (γ, σ²): s = γ/√(σ² + ε). */
  record BnScale(float epsilon) implements OnParameters {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("gamma", Role.CONSTANT, C)
          .takes("variance", Role.CONSTANT, C)
          .makesConstant(C);
    }
  }

  /** (β, μ, s): t = β − s·μ. */
  record BnShift() implements OnParameters {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("beta", Role.CONSTANT, C)
          .takes("mean", Role.CONSTANT, C)
          .takes("s", Role.CONSTANT, C)
          .makesConstant(C);
    }
  }

  /**
   * The same number {@code count} times; no inputs.
   *
   * @param value the number
   * @param count how often
   */
  record Filled(float value, int count) implements OnParameters {
    @Override
    public Signature signature() {
      return Signature.of().makesConstant(Extent.of(count));
    }
  }

  /**
   * The numbers of a vector, for {@link Sample}; no inputs.
   *
   * @param values the numbers
   */
  record Coordinates(List<Float> values) implements OnParameters {
    public Coordinates {
      values = List.copyOf(values);
    }

    @Override
    public Signature signature() {
      return Signature.of().makesConstant(Extent.of(values.size()));
    }
  }

  /** (w, s): each output channel k of the filters times s[k]. */
  record ScaleFilters() implements OnParameters {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("w", Role.CONSTANT)
          .takes("s", Role.CONSTANT, K)
          .check((extents, in) -> in.getFirst().shape().dim(0) == extents.of(K), "s does not fit w")
          .makesAsFirst();
    }
  }

  /** (b, s, t): s·b + t. */
  record ScaleShiftBias() implements OnParameters {
    @Override
    public Signature signature() {
      return Signature.of()
          .takes("b", Role.CONSTANT, C)
          .takes("s", Role.CONSTANT, C)
          .takes("t", Role.CONSTANT, C)
          .makesConstant(C);
    }
  }
}
