package dev.catena.graph;

import dev.catena.error.GraphException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * One operation applied to values.
 *
 * @param name for people and errors; a layer's name is that of its parameters
 * @param op what it computes
 * @param inputs in the order that the {@link Op} documents
 * @param outputs likewise; most operations have one
 */
public record Node(String name, Op op, List<Value> inputs, List<Value> outputs) {
  public Node {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }

  /** A node that makes one value. */
  public Node(String name, Op op, List<Value> inputs, Value output) {
    this(name, op, inputs, List.of(output));
  }

  /**
   * A node whose outputs have the types that the operation gives them, and new ids.
   *
   * @param converted the element type of activations that are made of none
   * @throws GraphException naming the node if the inputs do not fit the operation
   */
  public static Node of(String name, Op op, List<Value> inputs, DType converted, IntSupplier ids) {
    List<Value> outputs = new ArrayList<>();
    for (Signature.Made made : Signature.infer(name, op, inputs, converted)) {
      String label = outputs.isEmpty() ? name : name + "." + made.name();
      outputs.add(new Value(ids.getAsInt(), label, made.shape(), made.dtype(), made.layout()));
    }
    return new Node(name, op, inputs, outputs);
  }

  /** The input at {@code index}. */
  public Value input(int index) {
    return inputs.get(index);
  }

  /** The first output. */
  public Value output() {
    return outputs.getFirst();
  }

  /** The output at {@code index}. */
  public Value output(int index) {
    return outputs.get(index);
  }

  /** For example {@code features.conv0: Conv[...]}. */
  @Override
  public String toString() {
    return name + ": " + op;
  }
}
