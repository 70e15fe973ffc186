package dev.catena.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.catena.error.GraphException;
import dev.catena.graph.ElementFunction;
import dev.catena.graph.Graph;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import dev.catena.io.file.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Writes a graph as an ONNX model for any batch: opset 17, weights in fp32. One use, not
 * thread-safe.
 */
public final class OnnxWriter {
  private static final long LARGEST = Integer.MAX_VALUE;

  /** Tells where the numbers of a parameter are. */
  @FunctionalInterface
  interface Data {
    /** Adds to TensorProto what the numbers are. */
    void of(Node parameter, MessageWriter tensor);
  }

  private final Graph graph;
  private final Data data;
  private final OnnxBody body = new OnnxBody();

  /** Names of values in the file; what costs nothing here has no node there. */
  private final Map<Integer, String> names = new HashMap<>();

  /** The values that are N,C in the file, not N,C,1,1. */
  private final Set<Integer> rows = new HashSet<>();

  /** The places of each Sample. */
  private final Map<Integer, List<Float>> coordinates = new HashMap<>();

  private OnnxWriter(Graph graph, Data data) {
    this.graph = graph;
    this.data = data;
  }

  /**
   * Replaces {@code file}; nobody ever sees half of it.
   *
   * @param graph a network as its definition has it, before rewrites, for one image
   * @param weights the fp32 values of a parameter's node
   * @throws GraphException naming the node if ONNX has no operator for one, or if the model takes
   *     more than 2 GiB
   * @throws IOException if the file cannot be written; it is then as it was
   */
  public static void write(Graph graph, Function<Node, float[]> weights, Path file)
      throws IOException {
    long bytes =
        graph.parameters().stream().mapToLong(p -> p.output().shape().elements()).sum()
            * Float.BYTES;
    if (bytes > LARGEST) {
      throw new GraphException(
          graph.name() + ": its weights take " + bytes + " bytes; an ONNX file holds 2 GiB");
    }
    ByteString model =
        model(graph, (p, tensor) -> tensor.bytes(TensorReader.RAW, raw(weights.apply(p))));
    AtomicFile.write(file, channel -> model.writeTo(Channels.newOutputStream(channel)));
  }

  /** The model's bytes. */
  static ByteString model(Graph graph, Data data) {
    return new OnnxWriter(graph, data).model();
  }

  private static ByteString raw(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return UnsafeByteOperations.unsafeWrap(bytes);
  }

  private ByteString model() {
    graph.nodes().forEach(this::node);
    Value input = graph.inputs().getFirst();
    Value output = graph.outputs().getFirst();
    return body.model(
        graph.name(), names.get(input.id()), input.shape(), names.get(output.id()), output.shape());
  }

  private void node(Node node) {
    switch (node.op()) {
      case Op.Parameter _ -> parameter(node);
      case Op.FromNchw _ -> {
        names.put(node.input(0).id(), node.input(0).name());
        passOn(node);
      }
      case Op.ToNchw _ -> {
        // A classifier's result is N,classes.
        Shape x = node.input(0).shape();
        boolean pixel = x.h() * x.w() == 1 && !rows.contains(node.input(0).id());
        make(pixel ? "Flatten" : "Identity", node).reads(name(node.input(0)));
      }
      case Op.Dropout _ -> passOn(node);
      case Op.Unary u when u.function() == ElementFunction.SILU -> silu(node);
      case Op.Activation a -> activation(node, ElementOperators.written(a));
      case Op.StochasticDepth depth -> scale(node, depth.survival());
      case Op.Scale scale -> scale(node, scale.factor());
      case Op.ScaleShift s when !s.relu() -> scaleShift(node);
      case Op.Add add when !add.relu() -> elementwise("Add", node);
      case Op.ScaleChannels s when s.equals(Op.ScaleChannels.PLAIN) ->
          make("Mul", node).reads(images(node));
      case Op.Concat _ -> make("Concat", node).with("axis", 1).reads(images(node));
      case Op.PadChannels pad -> padChannels(node, pad);
      case Op.LocalResponseNorm norm when norm.size() % 2 == 1 ->
          make("LRN", node)
              .with("size", norm.size())
              .withNumber("alpha", norm.alpha())
              .withNumber("beta", norm.beta())
              .withNumber("bias", norm.k())
              .reads(images(node));
      case Op.GlobalAveragePool p when p.prologue() == Op.Prologue.NONE ->
          make("GlobalAveragePool", node).reads(images(node));
      case Op.AdaptiveAveragePool p when divides(node.input(0).shape(), p) ->
          adaptiveAveragePool(node, p);
      case Op.BatchNorm bn ->
          make("BatchNormalization", node).withNumber("epsilon", bn.epsilon()).reads(images(node));
      case Op.Pool p when p.prologue() == Op.Prologue.NONE -> pool(node, p);
      case Op.Conv c when isPlain(c) -> conv(node, c);
      case Op.Filled f -> vector(node, Collections.nCopies(f.count(), f.value()));
      case Op.Coordinates c -> coordinates.put(node.output().id(), c.values());
      case Op.Sample s -> sample(node, s.fill());
      case TrainingOp.ConvDgrad d when isPlain(d.conv()) && !d.accumulate() -> transposed(node, d);
      case Op.Flatten _ -> {
        make("Flatten", node).reads(name(node.input(0)));
        rows.add(node.output().id());
      }
      case Op.Linear _ -> linear(node);
      default ->
          throw new GraphException(node.name() + ": " + node.op() + " is not written to ONNX");
    }
  }

  private void parameter(Node node) {
    names.put(node.output().id(), node.name());
    MessageWriter tensor =
        OnnxBody.tensorHeader(node.name(), node.output().shape().dims(), OnnxTensor.Type.FLOAT);
    data.of(node, tensor);
    body.tensor(tensor);
  }

  private void passOn(Node node) {
    Value x = node.input(0);
    names.put(node.output().id(), name(x));
    if (rows.contains(x.id())) {
      rows.add(node.output().id());
    }
  }

  /** ONNX has no operator of its own for it. */
  private void silu(Node node) {
    boolean row = rows.contains(node.input(0).id());
    String x = row ? name(node.input(0)) : image(node.input(0));
    String gate = node.name() + ".sigmoid";
    body.operator("Sigmoid", gate).reads(x);
    make("Mul", node).reads(x, gate);
    if (row) {
      rows.add(node.output().id());
    }
  }

  private void activation(Node node, ElementOperators.Written written) {
    List<String> numbers = new ArrayList<>();
    for (float number : written.numbers()) {
      numbers.add(number(node.name() + ".number" + numbers.size(), number));
    }
    elementwise(written.operator(), written.attributes(), node, numbers);
  }

  /** Rows of features stay rows. */
  private void elementwise(String operator, Node node, String... numbers) {
    elementwise(operator, Map.of(), node, List.of(numbers));
  }

  private void elementwise(
      String operator, Map<String, Float> attributes, Node node, List<String> numbers) {
    boolean allRows = node.inputs().stream().allMatch(x -> rows.contains(x.id()));
    Function<Value, String> name = allRows ? this::name : this::image;
    OnnxBody.Operator made = make(operator, node);
    attributes.forEach(made::withNumber);
    made.reads(
        Stream.concat(node.inputs().stream().map(name), numbers.stream()).toArray(String[]::new));
    if (allRows) {
      rows.add(node.output().id());
    }
  }

  private void scale(Node node, float factor) {
    String number = number(node.name() + ".factor", factor);
    make("Mul", node).reads(image(node.input(0)), number);
  }

  private String number(String name, float value) {
    body.tensor(name, List.of(), OnnxTensor.Type.FLOAT, raw(new float[] {value}));
    return name;
  }

  private void scaleShift(Node node) {
    String axes = node.name() + ".axes";
    body.integers(axes, List.of(1L, 2L));
    String scale = node.name() + ".scale.channels";
    body.operator("Unsqueeze", scale).reads(name(node.input(1)), axes);
    String shift = node.name() + ".shift.channels";
    body.operator("Unsqueeze", shift).reads(name(node.input(2)), axes);
    String scaled = node.name() + ".scaled";
    body.operator("Mul", scaled).reads(image(node.input(0)), scale);
    make("Add", node).reads(scaled, shift);
  }

  private void padChannels(Node node, Op.PadChannels pad) {
    String pads = node.name() + ".pads";
    long zeros = (long) pad.channels() - node.input(0).shape().c();
    body.integers(pads, List.of(0L, 0L, 0L, 0L, 0L, zeros, 0L, 0L));
    make("Pad", node).reads(image(node.input(0)), pads);
  }

  private void vector(Node node, List<Float> values) {
    names.put(node.output().id(), node.name());
    float[] numbers = new float[values.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = values.get(i);
    }
    body.tensor(node.name(), List.of(numbers.length), OnnxTensor.Type.FLOAT, raw(numbers));
  }

  /** A Pad if pixels stay together, else a Gather of whole rows and columns, or a Resize. */
  private void sample(Node node, float fill) {
    Shape x = node.input(0).shape();
    List<Float> rows = coordinates.get(node.input(1).id());
    List<Float> columns = coordinates.get(node.input(2).id());
    String image = image(node.input(0));
    String name = node.name();
    int[] high = SpaceOperators.pads(rows, x.h());
    int[] wide = SpaceOperators.pads(columns, x.w());
    if (high.length > 0 && wide.length > 0) {
      body.integers(
          name + ".pads",
          Stream.of(0, 0, high[0], wide[0], 0, 0, high[1], wide[1]).map(p -> (long) p).toList());
      make("Pad", node).reads(image, name + ".pads", number(name + ".fill", fill));
      return;
    }
    if (SpaceOperators.whole(rows, x.h()) && SpaceOperators.whole(columns, x.w())) {
      body.integers(name + ".chosen.rows", rows.stream().map(Float::longValue).toList());
      body.integers(name + ".chosen.columns", columns.stream().map(Float::longValue).toList());
      body.operator("Gather", name + ".high").with("axis", 2).reads(image, name + ".chosen.rows");
      make("Gather", node).with("axis", 3).reads(name + ".high", name + ".chosen.columns");
      return;
    }
    String mode =
        SpaceOperators.linear(rows, x.h(), columns, x.w())
            .orElseThrow(
                () -> new GraphException(name + ": ONNX has no operator for " + node.op()));
    if (x.n() != 1) {
      throw new GraphException(name + ": a model for any batch is written from one for one image");
    }
    body.tensor(
        name + ".scales",
        List.of(4),
        OnnxTensor.Type.FLOAT,
        raw(
            new float[] {
              1,
              1,
              SpaceOperators.scale(x.h(), rows.size()),
              SpaceOperators.scale(x.w(), columns.size())
            }));
    make("Resize", node)
        .withText("mode", "linear")
        .withText("coordinate_transformation_mode", mode)
        .reads(image, "", name + ".scales");
  }

  private void transposed(Node node, TrainingOp.ConvDgrad d) {
    Op.Conv c = d.conv();
    Shape x = node.input(0).shape();
    make("ConvTranspose", node)
        .with("kernel_shape", c.kernelH(), c.kernelW())
        .with("strides", c.stride(), c.strideW())
        .with("pads", c.padH(), c.padW(), c.endH(), c.endW())
        .with("dilations", c.dilation(), c.dilationW())
        .with(
            "output_padding",
            more(d.height(), x.h(), c.rows()),
            more(d.width(), x.w(), c.columns()))
        .with("group", c.groups())
        .reads(images(node));
  }

  /** Pixels of a transposed convolution's output behind its last window. */
  private static int more(int out, int in, Op.Window window) {
    long covered = window.stride() * (in - 1L) + window.reach() - window.pad() - window.end();
    return (int) (out - covered);
  }

  private static boolean divides(Shape x, Op.AdaptiveAveragePool p) {
    return x.h() % p.height() == 0 && x.w() % p.width() == 0;
  }

  private void adaptiveAveragePool(Node node, Op.AdaptiveAveragePool p) {
    int h = node.input(0).shape().h() / p.height();
    int w = node.input(0).shape().w() / p.width();
    make("AveragePool", node).with("kernel_shape", h, w).with("strides", h, w).reads(images(node));
  }

  private void pool(Node node, Op.Pool p) {
    boolean max = p.kind() == Op.PoolKind.MAX;
    OnnxBody.Operator pool =
        make(max ? "MaxPool" : "AveragePool", node)
            .with("kernel_shape", p.kernel(), p.kernelW())
            .with("strides", p.stride(), p.strideW())
            .with("pads", p.pad(), p.padW(), p.end(), p.endW())
            .with("ceil_mode", p.ceil() ? 1 : 0);
    if (max) {
      pool.with("dilations", p.dilation(), p.dilationW());
    } else if (p.dilation() * p.dilationW() > 1) {
      throw new GraphException(node.name() + ": ONNX has no dilated mean before opset 19");
    } else {
      pool.with("count_include_pad", p.includePad() ? 1 : 0);
    }
    pool.reads(images(node));
  }

  private static boolean isPlain(Op.Conv c) {
    return c.prologue() == Op.Prologue.NONE && !c.residual() && !c.relu();
  }

  private void conv(Node node, Op.Conv c) {
    make("Conv", node)
        .with("kernel_shape", c.kernelH(), c.kernelW())
        .with("strides", c.stride(), c.strideW())
        .with("pads", c.padH(), c.padW(), c.endH(), c.endW())
        .with("dilations", c.dilation(), c.dilationW())
        .with("group", c.groups())
        .reads(images(node));
  }

  private void linear(Node node) {
    Value x = node.input(0);
    String row = name(x);
    if (!rows.contains(x.id())) {
      row = node.name() + ".row";
      body.operator("Flatten", row).reads(name(x));
    }
    make("Gemm", node).with("transB", 1).reads(row, name(node.input(1)), name(node.input(2)));
    rows.add(node.output().id());
  }

  /** An operator that makes the node's value under its name. */
  private OnnxBody.Operator make(String operator, Node node) {
    names.put(node.output().id(), node.output().name());
    return body.operator(operator, node.output().name());
  }

  private String name(Value value) {
    return names.get(value.id());
  }

  private String[] images(Node node) {
    return node.inputs().stream().map(this::image).toArray(String[]::new);
  }

  /** The value as N,C,H,W; a parameter as it is. */
  private String image(Value value) {
    if (rows.remove(value.id())) {
      String row = name(value);
      String image = row + ".pixel";
      body.integers(image + ".axes", List.of(2L, 3L));
      body.operator("Unsqueeze", image).reads(row, image + ".axes");
      names.put(value.id(), image);
    }
    return name(value);
  }
}
