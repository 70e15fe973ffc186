package dev.catena.onnx;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A model's own functions (FunctionProto of ONNX), and their bodies in place of their calls.
 *
 * @param functions by the name of the operator that calls them
 */
record OnnxFunctions(Map<String, Message> functions) {
  private static final int NAME = 1;
  private static final int INPUT = 4;
  private static final int OUTPUT = 5;
  private static final int NODE = 7;
  private static final int DOMAIN = 10;
  private static final int DEFAULT = 11;

  /** Calls within calls; and operators that a few bytes may become. */
  private static final int DEEPEST = 64;

  private static final int MOST_OPERATORS = 1 << 20;

  static OnnxFunctions of(Message model) throws InvalidProtocolBufferException {
    Map<String, Message> functions = new HashMap<>();
    for (Message function : model.messages(OnnxFile.FUNCTIONS)) {
      functions.put(OnnxNode.qualified(function.string(DOMAIN), function.string(NAME)), function);
    }
    return new OnnxFunctions(functions);
  }

  /**
   * Operators without calls.
   *
   * @throws IllegalArgumentException if functions call each other without end
   */
  List<OnnxNode> inline(List<Message> nodes) throws InvalidProtocolBufferException {
    List<OnnxNode> all = new ArrayList<>();
    int[] calls = {0}; // counted too, for a call need not become an operator
    for (Message node : nodes) {
      inline(OnnxNode.of(node), 0, calls, all);
    }
    return all;
  }

  private void inline(OnnxNode node, int depth, int[] calls, List<OnnxNode> to)
      throws InvalidProtocolBufferException {
    Message function = functions.get(node.operator());
    if (function == null) {
      to.add(node);
    } else if (depth == DEEPEST || to.size() + ++calls[0] > MOST_OPERATORS) {
      throw new IllegalArgumentException(
          "its function " + node.operator() + " becomes too many operators");
    } else {
      call(node, function, depth, calls, to);
    }
  }

  private void call(OnnxNode node, Message function, int depth, int[] calls, List<OnnxNode> to)
      throws InvalidProtocolBufferException {
    Map<String, String> names = new HashMap<>();
    bind(names, function.strings(INPUT), node.inputs());
    bind(names, function.strings(OUTPUT), node.outputs());
    Map<String, Message> attributes = new HashMap<>();
    for (Message attribute : function.messages(DEFAULT)) {
      attributes.put(attribute.string(OnnxNode.ATTRIBUTE_NAME), attribute);
    }
    attributes.putAll(node.attributes());
    String inside = node.outputs().getFirst() + "/";
    for (Message message : function.messages(NODE)) {
      OnnxNode inner = OnnxNode.of(message);
      List<String> inputs = inner.inputs().stream().map(n -> renamed(names, inside, n)).toList();
      List<String> outputs = inner.outputs().stream().map(n -> renamed(names, inside, n)).toList();
      inline(
          new OnnxNode(
              inside + inner.name(),
              inner.operator(),
              inputs,
              outputs,
              referred(inner.attributes(), attributes)),
          depth + 1,
          calls,
          to);
    }
  }

  private static void bind(Map<String, String> names, List<String> formal, List<String> given) {
    for (int i = 0; i < formal.size(); i++) {
      names.put(formal.get(i), i < given.size() ? given.get(i) : "");
    }
  }

  private static String renamed(Map<String, String> names, String inside, String name) {
    return name.isEmpty() ? name : names.getOrDefault(name, inside + name);
  }

  /** An attribute of the body may stand for one of the call's. */
  private static Map<String, Message> referred(
      Map<String, Message> inner, Map<String, Message> given) {
    Map<String, Message> made = new HashMap<>();
    inner.forEach(
        (name, attribute) -> {
          String reference = attribute.string(OnnxNode.REFERENCE);
          Message meant = reference.isEmpty() ? attribute : given.get(reference);
          if (meant != null) {
            made.put(name, meant);
          }
        });
    return made;
  }
}
