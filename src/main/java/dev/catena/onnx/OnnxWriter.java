package dev.catena.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.UnsafeByteOperations;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphException;
import dev.catena.graph.Node;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.Value;
import dev.catena.io.WholeFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Writes a graph as an ONNX model for any batch: opset 17, weights in fp32. One use, not
 * thread-safe.
 */
public final class OnnxWriter {
  private static final int IR_VERSION = 8;
  private static final int OPSET = 17;
  private static final int FLOAT = OnnxTensor.Type.FLOAT.number;

  private final Graph graph;
  private final Function<Node, float[]> weights;
  private final UnknownFieldSet.Builder body = UnknownFieldSet.newBuilder();

  /** Names of values in the file; what costs nothing here has no node there. */
  private final Map<Integer, String> names = new HashMap<>();

  private OnnxWriter(Graph graph, Function<Node, float[]> weights) {
    this.graph = graph;
    this.weights = weights;
  }

  /**
   * Replaces {@code file}; nobody ever sees half of it.
   *
   * @param graph a network as its definition has it, before rewrites, for one image
   * @param weights the fp32 values of a parameter's node
   * @throws GraphException naming the node if ONNX has no operator for one
   * @throws IOException if the file cannot be written; it is then as it was
   */
  public static void write(Graph graph, Function<Node, float[]> weights, Path file)
      throws IOException {
    UnknownFieldSet model = new OnnxWriter(graph, weights).model();
    if (model.getSerializedSize() < 0) {
      throw new GraphException(graph.name() + ": an ONNX file holds at most 2 GiB");
    }
    WholeFile.write(
        file,
        channel -> {
          CodedOutputStream out = CodedOutputStream.newInstance(Channels.newOutputStream(channel));
          model.writeTo(out);
          out.flush();
        });
  }

  private UnknownFieldSet model() {
    graph.nodes().forEach(this::node);
    text(body, OnnxFile.NAME, graph.name());
    Value input = graph.inputs().getFirst();
    body.mergeField(OnnxFile.INPUT, field(port(input, names.get(input.id()))));
    Value output = graph.outputs().getFirst();
    body.mergeField(OnnxFile.OUTPUT, field(port(output, names.get(output.id()))));
    UnknownFieldSet.Builder opset = UnknownFieldSet.newBuilder();
    integer(opset, OnnxFile.OPSET_VERSION, OPSET);
    UnknownFieldSet.Builder model = UnknownFieldSet.newBuilder();
    integer(model, OnnxFile.IR, IR_VERSION);
    text(model, OnnxFile.PRODUCER, "catena");
    model.mergeField(OnnxFile.OPSETS, field(opset));
    model.mergeField(OnnxFile.GRAPH, field(body));
    return model.build();
  }

  private void node(Node node) {
    Value x = node.inputs().isEmpty() ? null : node.input(0);
    switch (node.op()) {
      case Op.Parameter _ -> parameter(node);
      case Op.FromNchw _ -> {
        names.put(x.id(), x.name());
        names.put(node.output().id(), x.name());
      }
      case Op.ToNchw _ -> {
        // A classifier's result is N,classes.
        boolean row = x.shape().h() == 1 && x.shape().w() == 1;
        new Operator(row ? "Flatten" : "Identity", node, node.output().name()).add(name(x));
      }
      case Op.Dropout _ -> names.put(node.output().id(), name(x));
      case Op.Relu _ -> new Operator("Relu", node).add(name(x));
      case Op.Concat _ -> new Operator("Concat", node).with("axis", 1).add(inputs(node));
      case Op.GlobalAveragePool p when p.prologue() == Op.Prologue.NONE ->
          new Operator("GlobalAveragePool", node).add(name(x));
      case Op.BatchNorm bn ->
          new Operator("BatchNormalization", node)
              .withNumber("epsilon", bn.epsilon())
              .add(inputs(node));
      case Op.Add add -> rectified(node, add.relu(), "Add", inputs(node));
      case Op.Pool p when p.prologue() == Op.Prologue.NONE -> pool(node, p);
      case Op.Conv c when c.prologue() == Op.Prologue.NONE -> conv(node, c);
      case Op.Linear _ -> {
        String row = node.name() + ".row";
        new Operator("Flatten", row).add(name(x));
        String y = node.name() + ".result";
        new Operator("Gemm", y)
            .with("transB", 1)
            .add(row, name(node.input(1)), name(node.input(2)));
        pixel(node, y);
      }
      default -> throw new GraphException(node.name() + ": ONNX has no operator for " + node.op());
    }
  }

  /** A row of features as the image of one pixel that it is here. */
  private void pixel(Node node, String row) {
    String axes = node.name() + ".pixel";
    tensor(axes, List.of(2L), OnnxTensor.of(List.of(2L, 3L)).data(), OnnxTensor.Type.INT64);
    new Operator("Unsqueeze", node).add(row, axes);
  }

  private void conv(Node node, Op.Conv c) {
    Operator conv =
        new Operator("Conv", c.relu() ? node.name() + ".sum" : output(node))
            .with("kernel_shape", c.kernelH(), c.kernelW())
            .with("strides", c.stride(), c.stride())
            .with("pads", c.padH(), c.padW(), c.padH(), c.padW())
            .with("group", c.groups());
    conv.add(inputs(node));
    if (c.relu()) {
      new Operator("Relu", node).add(node.name() + ".sum");
    }
  }

  private void pool(Node node, Op.Pool p) {
    boolean max = p.kind() == Op.PoolKind.MAX;
    Operator pool =
        new Operator(max ? "MaxPool" : "AveragePool", node)
            .with("kernel_shape", p.kernel(), p.kernel())
            .with("strides", p.stride(), p.stride())
            .with("pads", p.pad(), p.pad(), p.pad(), p.pad())
            .with("ceil_mode", p.ceil() ? 1 : 0);
    if (!max) {
      pool.with("count_include_pad", p.includePad() ? 1 : 0);
    }
    pool.add(name(node.input(0)));
  }

  private void rectified(Node node, boolean relu, String operator, String... inputs) {
    if (relu) {
      String sum = node.name() + ".sum";
      new Operator(operator, sum).add(inputs);
      new Operator("Relu", node).add(sum);
    } else {
      new Operator(operator, node).add(inputs);
    }
  }

  private String name(Value value) {
    return names.get(value.id());
  }

  private String[] inputs(Node node) {
    return node.inputs().stream().map(this::name).toArray(String[]::new);
  }

  /** The name of the value that {@code node} makes, from now on. */
  private String output(Node node) {
    names.put(node.output().id(), node.name());
    return node.name();
  }

  private void parameter(Node node) {
    float[] values = weights.apply(node);
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    List<Long> dims = node.output().shape().dims().stream().map(Integer::longValue).toList();
    tensor(output(node), dims, UnsafeByteOperations.unsafeWrap(bytes), OnnxTensor.Type.FLOAT);
  }

  private void tensor(String name, List<Long> dims, ByteString data, OnnxTensor.Type type) {
    UnknownFieldSet.Builder tensor = UnknownFieldSet.newBuilder();
    dims.forEach(d -> integer(tensor, TensorReader.DIMS, d));
    integer(tensor, TensorReader.TYPE, type.number);
    text(tensor, TensorReader.NAME, name);
    tensor.mergeField(TensorReader.RAW, field(data));
    body.mergeField(OnnxFile.INITIALIZER, field(tensor));
  }

  /** N is open; what was one pixel is N,C. */
  private static UnknownFieldSet.Builder port(Value value, String name) {
    Shape shape = value.shape();
    List<Integer> dims = new ArrayList<>(List.of(shape.c()));
    if (shape.h() > 1 || shape.w() > 1) {
      dims.addAll(List.of(shape.h(), shape.w()));
    }
    UnknownFieldSet.Builder extents = UnknownFieldSet.newBuilder();
    UnknownFieldSet.Builder batch = UnknownFieldSet.newBuilder();
    text(batch, OnnxFile.DIM_NAME, "N");
    extents.mergeField(OnnxFile.DIM, field(batch));
    for (int dim : dims) {
      UnknownFieldSet.Builder extent = UnknownFieldSet.newBuilder();
      integer(extent, OnnxFile.DIM_VALUE, dim);
      extents.mergeField(OnnxFile.DIM, field(extent));
    }
    UnknownFieldSet.Builder tensor = UnknownFieldSet.newBuilder();
    integer(tensor, OnnxFile.ELEMENT_TYPE, FLOAT);
    tensor.mergeField(OnnxFile.SHAPE, field(extents));
    UnknownFieldSet.Builder type = UnknownFieldSet.newBuilder();
    type.mergeField(OnnxFile.TENSOR_TYPE, field(tensor));
    UnknownFieldSet.Builder port = UnknownFieldSet.newBuilder();
    text(port, OnnxFile.PORT_NAME, name);
    port.mergeField(OnnxFile.PORT_TYPE, field(type));
    return port;
  }

  private static UnknownFieldSet.Field field(UnknownFieldSet.Builder message) {
    return field(message.build().toByteString());
  }

  private static UnknownFieldSet.Field field(ByteString bytes) {
    return UnknownFieldSet.Field.newBuilder().addLengthDelimited(bytes).build();
  }

  private static void text(UnknownFieldSet.Builder to, int number, String text) {
    to.mergeField(number, field(ByteString.copyFromUtf8(text)));
  }

  private static void integer(UnknownFieldSet.Builder to, int number, long value) {
    to.mergeField(number, UnknownFieldSet.Field.newBuilder().addVarint(value).build());
  }

  /** One node of the file. */
  private final class Operator {
    private final UnknownFieldSet.Builder node = UnknownFieldSet.newBuilder();

    /** Makes the value {@code output}, and is named like it. */
    Operator(String operator, String output) {
      text(node, OnnxNode.OPERATOR, operator);
      text(node, OnnxNode.NAME, output);
      text(node, OnnxNode.OUTPUT, output);
    }

    Operator(String operator, Node of) {
      this(operator, output(of));
    }

    Operator(String operator, Node of, String output) {
      this(operator, output);
      names.put(of.output().id(), output);
    }

    Operator with(String attribute, int... values) {
      UnknownFieldSet.Builder made = UnknownFieldSet.newBuilder();
      boolean list = values.length > 1;
      text(made, OnnxNode.ATTRIBUTE_NAME, attribute);
      for (int value : values) {
        integer(made, list ? OnnxNode.INTEGERS : OnnxNode.INTEGER, value);
      }
      integer(made, OnnxNode.ATTRIBUTE_TYPE, list ? OnnxNode.OF_INTEGERS : OnnxNode.OF_INTEGER);
      node.mergeField(OnnxNode.ATTRIBUTE, field(made));
      return this;
    }

    Operator withNumber(String attribute, float value) {
      UnknownFieldSet.Builder made = UnknownFieldSet.newBuilder();
      text(made, OnnxNode.ATTRIBUTE_NAME, attribute);
      made.mergeField(
          OnnxNode.FLOAT,
          UnknownFieldSet.Field.newBuilder().addFixed32(Float.floatToIntBits(value)).build());
      integer(made, OnnxNode.ATTRIBUTE_TYPE, OnnxNode.OF_FLOAT);
      node.mergeField(OnnxNode.ATTRIBUTE, field(made));
      return this;
    }

    /** Puts it into the file, reading {@code inputs}. */
    void add(String... inputs) {
      for (String input : inputs) {
        text(node, OnnxNode.INPUT, input);
      }
      body.mergeField(OnnxFile.NODE, field(node));
    }
  }
}
