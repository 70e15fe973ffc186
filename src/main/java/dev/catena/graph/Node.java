package dev.catena.graph;

import java.util.List;

/**
 * One operation applied to values.
 *
 * @param name for people and errors; a layer's name is that of its parameters
 * @param op what it computes
 * @param inputs in the order that the {@link Op} documents
 * @param output what it makes
 */
public record Node(String name, Op op, List<Value> inputs, Value output) {
  public Node {
    inputs = List.copyOf(inputs);
  }

  /** The input at {@code index}. */
  public Value input(int index) {
    return inputs.get(index);
  }

  /** For example {@code features.conv0: Conv[...]}. */
  @Override
  public String toString() {
    return name + ": " + op;
  }
}
