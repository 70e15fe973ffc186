package dev.catena.onnx;

import com.google.protobuf.ByteString;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.List;

/** GraphProto of ONNX in the making: opset 17. Not thread-safe. */
final class OnnxBody {
  private static final int IR_VERSION = 8;
  private static final int OPSET = 17;

  private final MessageWriter body = new MessageWriter();

  /** One operator, which makes the value {@code output} and is named like it. */
  Operator operator(String operator, String output) {
    return new Operator(operator, output);
  }

  /** A tensor of the model. */
  void tensor(String name, List<Integer> dims, OnnxTensor.Type type, ByteString data) {
    body.message(
        OnnxFile.INITIALIZER, tensorHeader(name, dims, type).bytes(TensorReader.RAW, data));
  }

  /** A tensor of the model, whose data {@code message} tells. */
  void tensor(MessageWriter message) {
    body.message(OnnxFile.INITIALIZER, message);
  }

  /** A tensor's name, extents and type. */
  static MessageWriter tensorHeader(String name, List<Integer> dims, OnnxTensor.Type type) {
    MessageWriter tensor = new MessageWriter();
    dims.forEach(d -> tensor.integer(TensorReader.DIMS, d));
    return tensor.integer(TensorReader.TYPE, type.number).text(TensorReader.NAME, name);
  }

  /** Whole numbers, for an operator that takes them as an input. */
  void integers(String name, List<Long> values) {
    OnnxTensor tensor = OnnxTensor.of(values);
    tensor(name, tensor.dims(), tensor.type(), tensor.data());
  }

  /**
   * The whole model: from {@code input} images to {@code output}, which may be rows of features.
   */
  ByteString model(String name, String input, Shape images, String output, Shape results) {
    body.text(OnnxFile.NAME, name);
    body.message(OnnxFile.INPUT, port(input, List.of(images.c(), images.h(), images.w())));
    List<Integer> row = List.of(results.c());
    List<Integer> image = List.of(results.c(), results.h(), results.w());
    body.message(OnnxFile.OUTPUT, port(output, results.h() * results.w() == 1 ? row : image));
    return new MessageWriter()
        .integer(OnnxFile.IR, IR_VERSION)
        .text(OnnxFile.PRODUCER, "catena")
        .message(OnnxFile.OPSETS, new MessageWriter().integer(OnnxFile.OPSET_VERSION, OPSET))
        .message(OnnxFile.GRAPH, body)
        .built();
  }

  /** fp32 of N and {@code dims}; N is open. */
  private static MessageWriter port(String name, List<Integer> dims) {
    List<MessageWriter> extents = new ArrayList<>();
    extents.add(new MessageWriter().text(OnnxFile.DIM_NAME, "N"));
    dims.forEach(d -> extents.add(new MessageWriter().integer(OnnxFile.DIM_VALUE, d)));
    MessageWriter shape = new MessageWriter();
    extents.forEach(extent -> shape.message(OnnxFile.DIM, extent));
    MessageWriter tensor =
        new MessageWriter()
            .integer(OnnxFile.ELEMENT_TYPE, OnnxTensor.Type.FLOAT.number)
            .message(OnnxFile.SHAPE, shape);
    return new MessageWriter()
        .text(OnnxFile.PORT_NAME, name)
        .message(OnnxFile.PORT_TYPE, new MessageWriter().message(OnnxFile.TENSOR_TYPE, tensor));
  }

  /** NodeProto of ONNX in the making. */
  final class Operator {
    private final MessageWriter node = new MessageWriter();

    private Operator(String operator, String output) {
      node.text(OnnxNode.OPERATOR, operator);
      node.text(OnnxNode.NAME, output);
      node.text(OnnxNode.OUTPUT, output);
    }

    /** A whole number, or a list if there are more. */
    Operator with(String attribute, int... values) {
      boolean list = values.length > 1;
      MessageWriter made = new MessageWriter().text(OnnxNode.ATTRIBUTE_NAME, attribute);
      for (int value : values) {
        made.integer(list ? OnnxNode.INTEGERS : OnnxNode.INTEGER, value);
      }
      made.integer(OnnxNode.ATTRIBUTE_TYPE, list ? OnnxNode.OF_INTEGERS : OnnxNode.OF_INTEGER);
      node.message(OnnxNode.ATTRIBUTE, made);
      return this;
    }

    Operator withText(String attribute, String value) {
      MessageWriter made =
          new MessageWriter()
              .text(OnnxNode.ATTRIBUTE_NAME, attribute)
              .text(OnnxNode.STRING, value)
              .integer(OnnxNode.ATTRIBUTE_TYPE, OnnxNode.OF_STRING);
      node.message(OnnxNode.ATTRIBUTE, made);
      return this;
    }

    Operator withNumber(String attribute, float value) {
      MessageWriter made =
          new MessageWriter()
              .text(OnnxNode.ATTRIBUTE_NAME, attribute)
              .number(OnnxNode.FLOAT, value)
              .integer(OnnxNode.ATTRIBUTE_TYPE, OnnxNode.OF_FLOAT);
      node.message(OnnxNode.ATTRIBUTE, made);
      return this;
    }

    /** Puts it into the graph, reading {@code inputs}. */
    void reads(String... inputs) {
      for (String input : inputs) {
        node.text(OnnxNode.INPUT, input);
      }
      body.message(OnnxFile.NODE, node);
    }
  }
}
