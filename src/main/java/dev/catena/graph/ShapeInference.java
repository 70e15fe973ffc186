package dev.catena.graph;

import java.util.List;

/** The output of an operation from its inputs, or an error that names the node. */
public final class ShapeInference {
  private final String name;
  private final List<Value> inputs;

  private ShapeInference(String name, List<Value> inputs) {
    this.name = name;
    this.inputs = inputs;
  }

  /**
   * Shape of what {@code op} makes of {@code inputs}.
   *
   * @param name the node's name, for errors
   * @throws GraphException naming the node if the inputs do not fit the operation
   */
  public static Shape infer(String name, Op op, List<Value> inputs) {
    try {
      ShapeInference inference = new ShapeInference(name, inputs);
      inference.requireLayouts(op);
      return inference.shape(op);
    } catch (GraphException e) {
      throw e.at(name);
    } catch (ArithmeticException _) {
      throw new GraphException(name + ": an extent of its output is beyond 2^31");
    }
  }

  private void requireLayouts(Op op) {
    for (int i = 0; i < inputs.size(); i++) {
      Value input = inputs.get(i);
      if (!takes(op, i, input)) {
        throw new GraphException(
            "takes no " + input.layout() + " " + input.shape() + " as input " + i);
      }
    }
  }

  private static boolean takes(Op op, int index, Value input) {
    boolean activation = input.layout() == Layout.NHWC && input.shape().rank() == 4;
    boolean computed = input.layout() == Layout.DENSE || input.layout() == Layout.FILTERS;
    return switch (op) {
      case TrainingOp _ -> true; // TrainingTypes knows
      case Op.OnParameters _ -> input.isConstant();
      case Op.FromNchw _ -> input.layout() == Layout.NCHW;
      case Op.Concat _, Op.Join _ -> activation;
      case Op.Add _ -> activation || computed;
      case Op.ScaleChannels _ -> activation;
      case Op.Shortcut _ when index < 2 -> activation;
      case Op.Conv c when c.residual() && index == c.residualIndex() -> activation;
      case Op.InSlices _ when index == 0 -> !input.isConstant();
      default -> index == 0 ? activation : input.isConstant() || computed;
    };
  }

  private Shape shape(Op op) {
    return switch (op) {
      case Op.Parameter _ -> throw new GraphException("a parameter's shape is given, not inferred");
      case Op.FromNchw _ -> only(1);
      case Op.ToNchw _ -> only(1);
      case Op.Relu _ -> only(1);
      case Op.Dropout d -> {
        require(d.probability() >= 0 && d.probability() < 1, "not a probability: " + d);
        yield only(1);
      }
      case Op.StochasticDepth d -> {
        require(d.survival() > 0 && d.survival() <= 1, "not a probability: " + d);
        yield only(1);
      }
      case Op.Copy _ -> only(1);
      case Op.Sigmoid _ -> only(1);
      case Op.Auxiliary _ -> only(1);
      case Op.Scale _ -> only(1);
      case Op.LocalResponseNorm n -> {
        require(n.size() >= 1 && n.k() > 0 && n.alpha() >= 0, "divides by zero: " + n);
        yield only(1);
      }
      case Op.Flatten _ -> {
        long features = only(1).elements() / x().n();
        yield Shape.nhwc(x().n(), 1, 1, Math.toIntExact(features));
      }
      case Op.AdaptiveAveragePool p -> {
        arity(1);
        yield Shape.nhwc(x().n(), p.height(), p.width(), x().c());
      }
      case Op.PadChannels p -> {
        arity(1);
        require(p.channels() >= x().c(), x() + " has more than " + p.channels() + " channels");
        yield x().withChannels(p.channels());
      }
      case Op.ScaleChannels s -> scaleChannels(s);
      case Op.Shortcut s -> shortcut(s);
      case Op.Conv c -> conv(c);
      case Op.BatchNorm _ -> perChannel(5);
      case Op.ScaleShift _ -> perChannel(3);
      case Op.Add _ -> add();
      case Op.Pool p -> pool(p);
      case Op.GlobalAveragePool p -> {
        perChannel(p.prologue() == Op.Prologue.NONE ? 1 : 3);
        yield Shape.nhwc(x().n(), 1, 1, x().c());
      }
      case Op.Concat _ -> concat();
      case Op.Join _ -> concat();
      case Op.Linear _ -> linear();
      case Op.DenseLayer _ -> denseLayer();
      case Op.InSlices s -> slices(s);
      case TrainingOp training -> TrainingTypes.of(name, training, inputs).getFirst().shape();
      case Op.Filled f -> Shape.of(f.count());
      case Op.BnScale _ -> sameVectors(2);
      case Op.BnShift _ -> sameVectors(3);
      case Op.ScaleShiftBias _ -> sameVectors(3);
      case Op.ScaleFilters _ -> {
        arity(2);
        require(
            in(1).equals(Shape.of(in(0).dim(0))), in(0) + " filters cannot be scaled by " + in(1));
        yield in(0);
      }
    };
  }

  private Shape only(int count) {
    arity(count);
    return in(0);
  }

  private Shape perChannel(int count) {
    arity(count);
    for (int i = 1; i < count; i++) {
      requireVector(i, x().c());
    }
    return x();
  }

  private Shape sameVectors(int count) {
    arity(count);
    for (int i = 1; i < count; i++) {
      require(in(i).equals(in(0)), "vectors of " + in(0) + " and " + in(i));
    }
    return in(0);
  }

  private Shape add() {
    arity(2);
    boolean alike = in(1).equals(x()) && inputs.get(1).layout() == inputs.get(0).layout();
    require(alike, "cannot add " + x() + " and " + in(1));
    return x();
  }

  private Shape conv(Op.Conv c) {
    int count = 2 + (c.prologue() == Op.Prologue.NONE ? 0 : 2) + (c.bias() ? 1 : 0);
    arity(count + (c.residual() ? 1 : 0));
    Shape w = in(1);
    require(c.groups() >= 1, c.groups() + " groups");
    require(
        w.rank() == 4 && w.dim(2) == c.kernelH() && w.dim(3) == c.kernelW(),
        "filters " + w + " are not K,C," + c.kernelH() + "," + c.kernelW());
    require(
        w.dim(1) * c.groups() == x().c() && w.dim(0) % c.groups() == 0,
        "filters " + w + " in " + c.groups() + " groups do not fit " + x().c() + " channels");
    if (c.prologue() != Op.Prologue.NONE) {
      requireVector(2, x().c());
      requireVector(3, x().c());
    }
    if (c.bias()) {
      requireVector(c.biasIndex(), w.dim(0));
    }
    Shape y =
        Shape.nhwc(
            x().n(),
            window(x().h(), c.kernelH(), c.stride(), c.padH(), false),
            window(x().w(), c.kernelW(), c.stride(), c.padW(), false),
            w.dim(0));
    if (c.residual()) {
      Shape r = in(c.residualIndex());
      require(r.equals(y), "cannot add the residual " + r + " to " + y);
    }
    return y;
  }

  private Shape scaleChannels(Op.ScaleChannels s) {
    arity(s.residual() ? 3 : 2);
    Shape gate = Shape.nhwc(x().n(), 1, 1, x().c());
    require(
        in(1).equals(gate), "the channels of " + x() + " are scaled by " + gate + ", not " + in(1));
    require(
        !s.residual() || in(2).equals(x()),
        "cannot add " + x() + " and " + in(s.residual() ? 2 : 0));
    return x();
  }

  private Shape shortcut(Op.Shortcut s) {
    arity(s.affine() ? 4 : 2);
    Shape from = in(1);
    int step = s.sampling() == Op.Sampling.NONE ? 1 : 2;
    Shape sampled =
        Shape.nhwc(from.n(), Math.ceilDiv(from.h(), step), Math.ceilDiv(from.w(), step), from.c());
    require(
        sampled.withChannels(x().c()).equals(x()) && from.c() <= x().c(),
        "the shortcut makes " + sampled + " of " + from + ", which does not add to " + x());
    if (s.affine()) {
      requireVector(2, x().c());
      requireVector(3, x().c());
    }
    return x();
  }

  private Shape pool(Op.Pool p) {
    perChannel(p.prologue() == Op.Prologue.NONE ? 1 : 3);
    require(p.pad() < p.kernel(), "a window of " + p.kernel() + " fits in a padding of " + p.pad());
    return Shape.nhwc(
        x().n(),
        window(x().h(), p.kernel(), p.stride(), p.pad(), p.ceil()),
        window(x().w(), p.kernel(), p.stride(), p.pad(), p.ceil()),
        x().c());
  }

  private int window(int size, int kernel, int stride, int pad, boolean ceil) {
    require(stride >= 1 && kernel >= 1 && pad >= 0, "stride, kernel or padding out of range");
    long span = size + 2L * pad - kernel;
    require(span >= 0, "a window of " + kernel + " does not fit " + size + " with padding " + pad);
    long out = (ceil ? span + stride - 1 : span) / stride + 1;
    // A last window must start inside the image or its leading padding.
    return Math.toIntExact(ceil && (out - 1) * stride >= (long) size + pad ? out - 1 : out);
  }

  private Shape concat() {
    require(!inputs.isEmpty(), "nothing to concatenate");
    int channels = 0;
    for (Value input : inputs) {
      Shape s = input.shape();
      if (s.rank() != 4 || !s.withChannels(1).equals(x().withChannels(1))) {
        throw new GraphException("cannot concatenate " + x() + " and " + s);
      }
      channels = Math.addExact(channels, s.c());
    }
    return x().withChannels(channels);
  }

  private Shape linear() {
    arity(3);
    Shape w = in(1);
    require(
        x().h() == 1 && x().w() == 1 && w.rank() == 2 && w.dim(1) == x().c(),
        "weights " + w + " do not fit " + x());
    requireVector(2, w.dim(0));
    return x().withChannels(w.dim(0));
  }

  private Shape denseLayer() {
    arity(6);
    requireVector(1, x().c());
    requireVector(2, x().c());
    Shape w1 = in(3);
    Shape w2 = in(5);
    require(
        w1.equals(Shape.of(w1.dim(0), x().c(), 1, 1))
            && w2.equals(Shape.of(w2.dim(0), w1.dim(0), 3, 3)),
        "filters " + w1 + " and " + w2 + " are not a bottleneck over " + x().c() + " channels");
    requireVector(4, w1.dim(0));
    return x().withChannels(w2.dim(0));
  }

  private Shape slices(Op.InSlices s) {
    List<Value> bodyInputs = s.body().inputs();
    require(!bodyInputs.isEmpty(), "the body takes nothing");
    arity(bodyInputs.size());
    require(
        s.images() >= 1 && x().n() % s.images() == 0,
        s.images() + " images do not divide a batch of " + x().n());
    require(
        bodyInputs.getFirst().shape().equals(x().withImages(s.images()))
            && bodyInputs.getFirst().layout() == inputs.getFirst().layout(),
        "the body takes " + bodyInputs.getFirst() + ", not slices of " + x());
    require(
        bodyInputs.subList(1, bodyInputs.size()).equals(inputs.subList(1, inputs.size())),
        "the body takes other constants");
    List<Value> made = s.body().outputs();
    require(
        made.size() == 1
            && made.getFirst().layout() == Layout.NHWC
            && made.getFirst().shape().n() == s.images(),
        "the body makes " + made + ", not one activation of " + s.images() + " images");
    return made.getFirst().shape().withImages(x().n());
  }

  private Shape x() {
    return in(0);
  }

  private Shape in(int index) {
    return inputs.get(index).shape();
  }

  private void arity(int count) {
    require(inputs.size() == count, "takes " + count + " inputs, got " + inputs.size());
  }

  private void requireVector(int index, int length) {
    require(
        in(index).equals(Shape.of(length)),
        "input " + index + " is " + in(index) + ", not a vector of " + length);
  }

  private void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new GraphException(otherwise);
    }
  }
}
