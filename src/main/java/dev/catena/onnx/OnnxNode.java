package dev.catena.onnx;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One operator of a model: NodeProto of ONNX.
 *
 * @param name for people; its output's where the file gives none
 * @param operator such as {@code Conv}, with its domain in front unless that is ONNX's own
 * @param inputs names of values; an empty one is left out
 * @param outputs likewise
 * @param attributes by name
 */
record OnnxNode(
    String name,
    String operator,
    List<String> inputs,
    List<String> outputs,
    Map<String, Message> attributes) {
  static final int INPUT = 1;
  static final int OUTPUT = 2;
  static final int NAME = 3;
  static final int OPERATOR = 4;
  static final int ATTRIBUTE = 5;
  static final int DOMAIN = 7;

  static final int ATTRIBUTE_NAME = 1;
  static final int FLOAT = 2;
  static final int INTEGER = 3;
  static final int STRING = 4;
  static final int TENSOR = 5;
  private static final int FLOATS = 7;
  static final int INTEGERS = 8;
  static final int ATTRIBUTE_TYPE = 20;
  static final int REFERENCE = 21;
  static final int OF_FLOAT = 1;
  static final int OF_INTEGER = 2;
  static final int OF_STRING = 3;
  static final int OF_INTEGERS = 7;

  static OnnxNode of(Message message) throws InvalidProtocolBufferException {
    Map<String, Message> attributes = new HashMap<>();
    for (Message attribute : message.messages(ATTRIBUTE)) {
      attributes.put(attribute.string(ATTRIBUTE_NAME), attribute);
    }
    List<String> outputs = message.strings(OUTPUT);
    if (outputs.isEmpty()) {
      throw new IllegalArgumentException("an operator makes nothing");
    }
    String name = message.string(NAME);
    if (name.isEmpty()) {
      name = outputs.getFirst();
    }
    String domain = message.string(DOMAIN);
    String operator = message.string(OPERATOR);
    return new OnnxNode(
        name, qualified(domain, operator), message.strings(INPUT), outputs, attributes);
  }

  /** An operator's name, with its domain in front unless that is ONNX's own. */
  static String qualified(String domain, String operator) {
    boolean own = domain.isEmpty() || domain.equals("ai.onnx");
    return own ? operator : domain + "." + operator;
  }

  /** The same with one more input. */
  OnnxNode reading(String input) {
    List<String> all = new ArrayList<>(inputs);
    all.add(input);
    return new OnnxNode(name, operator, all, outputs, attributes);
  }

  /** Whether the input at {@code index} is given. */
  boolean has(int index) {
    return index < inputs.size() && !inputs.get(index).isEmpty();
  }

  boolean hasAttribute(String attribute) {
    return attributes.containsKey(attribute);
  }

  int integer(String attribute, int absent) {
    Message found = attributes.get(attribute);
    return found == null ? absent : Math.toIntExact(found.integer(INTEGER, 0));
  }

  float number(String attribute, float absent) {
    Message found = attributes.get(attribute);
    List<Float> values = found == null ? List.of() : found.floats(FLOAT);
    return values.isEmpty() ? absent : values.getLast();
  }

  String text(String attribute, String absent) {
    Message found = attributes.get(attribute);
    return found == null ? absent : found.string(STRING);
  }

  List<Integer> integers(String attribute, List<Integer> absent) {
    Message found = attributes.get(attribute);
    return found == null
        ? absent
        : found.integers(INTEGERS).stream().map(Math::toIntExact).toList();
  }

  /** The whole numbers of an attribute, or null without it. */
  List<Long> longs(String attribute) {
    Message found = attributes.get(attribute);
    return found == null ? null : found.integers(INTEGERS);
  }

  /** The numbers of an attribute. */
  List<Float> numbers(String attribute) {
    Message found = attributes.get(attribute);
    return found == null ? List.of() : found.floats(FLOATS);
  }

  /** The tensor of an attribute, which is there. */
  Message tensor(String attribute) throws InvalidProtocolBufferException {
    return attributes.get(attribute).message(TENSOR);
  }
}
