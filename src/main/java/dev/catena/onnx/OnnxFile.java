package dev.catena.onnx;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import dev.catena.error.ModelFormatException;
import dev.catena.io.file.RegularFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Set;

/**
 * A model as the file has it: ModelProto and GraphProto of ONNX. Field numbers are those of
 * onnx/onnx.proto.
 *
 * @param file that it is read from
 * @param opset version of ONNX's own operators
 * @param nodes in order
 * @param tensors the initialisers, by name
 * @param inputs what is given with every batch: initialisers are not among them
 * @param outputs what the model is run for
 */
record OnnxFile(
    Path file,
    long opset,
    List<OnnxNode> nodes,
    Map<String, OnnxTensor> tensors,
    List<Port> inputs,
    List<Port> outputs) {
  static final int IR = 1;
  static final int PRODUCER = 2;
  static final int OPSETS = 8;
  static final int GRAPH = 7;
  static final int FUNCTIONS = 25;
  private static final int OPSET_DOMAIN = 1;
  static final int OPSET_VERSION = 2;

  static final int NODE = 1;
  static final int NAME = 2;
  static final int INITIALIZER = 5;
  static final int INPUT = 11;
  static final int OUTPUT = 12;
  private static final int SPARSE = 15;

  static final int PORT_NAME = 1;
  static final int PORT_TYPE = 2;
  static final int TENSOR_TYPE = 1;
  static final int ELEMENT_TYPE = 1;
  static final int SHAPE = 2;
  static final int DIM = 1;
  static final int DIM_VALUE = 1;
  static final int DIM_NAME = 2;

  /**
   * An input or output.
   *
   * @param name of the value
   * @param type of its elements, by ONNX's number
   * @param dims extents; {@link #OPEN} where the file leaves them open; empty where it does not say
   *     how many there are
   */
  record Port(String name, long type, List<Integer> dims) {
    /** An extent that is known when the model is compiled. */
    static final int OPEN = -1;
  }

  /**
   * Reads a model.
   *
   * @throws ModelFormatException if the file is no ONNX model or is larger than protobuf allows, 2
   *     GiB
   * @throws IOException if it cannot be read
   */
  static OnnxFile read(Path file) throws IOException {
    RegularFile.require(file);
    try (FileChannel channel = FileChannel.open(file)) {
      if (channel.size() > Integer.MAX_VALUE) {
        throw new ModelFormatException(
            file, "", "it is larger than 2 GiB", "Export it with its weights in a file beside it");
      }
      var bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
      return of(file, Message.parse(UnsafeByteOperations.unsafeWrap(bytes)));
    } catch (InvalidProtocolBufferException | IllegalArgumentException | ArithmeticException e) {
      throw new ModelFormatException(
          file, "", "this is no ONNX model: " + e.getMessage(), "Export the model again");
    }
  }

  private static OnnxFile of(Path file, Message model) throws IOException {
    Message graph = model.message(GRAPH);
    if (!model.has(GRAPH) || !graph.has(NODE)) {
      throw new ModelFormatException(
          file, "", "there is no ONNX graph in it", "Export the model again");
    }
    long opset = opset(model);
    if (graph.has(SPARSE)) {
      throw new ModelFormatException(
          file, "", "it has sparse initialisers", "Export the model with dense weights");
    }
    TensorReader reader = new TensorReader(file);
    Map<String, OnnxTensor> tensors = new LinkedHashMap<>();
    for (Message tensor : graph.messages(INITIALIZER)) {
      OnnxTensor read = reader.read(tensor);
      tensors.put(read.name(), read);
    }
    List<OnnxNode> nodes = new ArrayList<>();
    for (OnnxNode node : OnnxFunctions.of(model).inline(graph.messages(NODE))) {
      if (node.operator().equals("Constant") && node.hasAttribute("value")) {
        OnnxTensor value = reader.read(node.tensor("value"));
        tensors.put(node.outputs().getFirst(), value);
      } else if (node.operator().equals("ConstantOfShape") && node.hasAttribute("value")) {
        String name = node.outputs().getFirst() + "\0value"; // no other has it, unlike node names
        tensors.put(name, reader.read(node.tensor("value")));
        nodes.add(node.reading(name));
      } else {
        nodes.add(node);
      }
    }
    List<Port> inputs = new ArrayList<>(ports(graph, INPUT));
    inputs.removeIf(p -> tensors.containsKey(p.name()));
    requireSingle(file, nodes);
    return new OnnxFile(file, opset, nodes, tensors, inputs, ports(graph, OUTPUT));
  }

  private static void requireSingle(Path file, List<OnnxNode> nodes) {
    Set<String> made = new HashSet<>();
    for (OnnxNode node : nodes) {
      for (String output : node.outputs()) {
        if (!output.isEmpty() && !made.add(output)) {
          throw new ModelFormatException(
              file,
              "operator '" + node.name() + "'",
              "its output '" + output + "' is also another operator's",
              "Export the model again");
        }
      }
    }
  }

  /** The same with an input of which more is known. */
  OnnxFile withInput(Port input) {
    return new OnnxFile(file, opset, nodes, tensors, List.of(input), outputs);
  }

  /**
   * The operators, each behind those whose outputs it reads.
   *
   * @param output a value; unless it is the model's own, operators that it does not need are left
   *     out
   */
  List<OnnxNode> ordered(String output) {
    Map<String, Integer> makers = new HashMap<>();
    for (int i = 0; i < nodes.size(); i++) {
      for (String made : nodes.get(i).outputs()) {
        makers.put(made, i);
      }
    }
    BitSet needed = new BitSet();
    Deque<String> open = new ArrayDeque<>(List.of(output));
    if (outputs.stream().anyMatch(port -> port.name().equals(output))) {
      needed.set(0, nodes.size());
    }
    while (!open.isEmpty()) {
      Integer maker = makers.get(open.pop());
      if (maker != null && !needed.get(maker)) {
        needed.set(maker);
        nodes.get(maker).inputs().forEach(open::push);
      }
    }
    // The file's own order where it is one.
    List<OnnxNode> ordered = new ArrayList<>();
    Map<Integer, Integer> waiting = new HashMap<>();
    Map<Integer, List<Integer>> readers = new HashMap<>();
    PriorityQueue<Integer> ready = new PriorityQueue<>();
    needed.stream()
        .forEach(
            i -> {
              List<Integer> before =
                  nodes.get(i).inputs().stream().map(makers::get).filter(Objects::nonNull).toList();
              before.forEach(b -> readers.computeIfAbsent(b, _ -> new ArrayList<>()).add(i));
              waiting.put(i, before.size());
              if (before.isEmpty()) {
                ready.add(i);
              }
            });
    while (!ready.isEmpty()) {
      int next = ready.poll();
      ordered.add(nodes.get(next));
      for (int reader : readers.getOrDefault(next, List.of())) {
        if (waiting.merge(reader, -1, Integer::sum) == 0) {
          ready.add(reader);
        }
      }
    }
    if (ordered.size() < needed.cardinality()) {
      throw new ModelFormatException(
          file,
          "output '" + output + "'",
          "operators need each other's outputs in a circle",
          "Export the model again");
    }
    return ordered;
  }

  private static long opset(Message model) throws InvalidProtocolBufferException {
    for (Message opset : model.messages(OPSETS)) {
      String domain = opset.string(OPSET_DOMAIN);
      if (domain.isEmpty() || domain.equals("ai.onnx")) {
        return opset.integer(OPSET_VERSION, 0);
      }
    }
    return 1; // a model of the time before opsets
  }

  private static List<Port> ports(Message graph, int field) throws InvalidProtocolBufferException {
    List<Port> ports = new ArrayList<>();
    for (Message port : graph.messages(field)) {
      Message type = port.message(PORT_TYPE).message(TENSOR_TYPE);
      List<Integer> dims = new ArrayList<>();
      for (Message dim : type.message(SHAPE).messages(DIM)) {
        long extent = dim.integer(DIM_VALUE, 0);
        dims.add(extent > 0 ? Math.toIntExact(extent) : Port.OPEN);
      }
      ports.add(new Port(port.string(PORT_NAME), type.integer(ELEMENT_TYPE, 0), dims));
    }
    return ports;
  }
}
