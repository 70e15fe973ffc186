package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** A line of a list: an operation, a shape N,H,W,C and options, all of which somebody must read. */
final class CaseLine {
  private final String line;
  private final String operation;
  private final Shape shape;
  private final Map<String, String> options = new HashMap<>();
  private final Set<String> unread = new HashSet<>();

  /**
   * Splits a line.
   *
   * @throws IllegalArgumentException quoting the line and what is wrong, as all methods here
   */
  CaseLine(String line) {
    this.line = line;
    String[] words = line.split("\\s+");
    if (words.length < 2) {
      throw error("wants an operation and a shape");
    }
    operation = words[0];
    int[] extents = ints(words[1], "x");
    if (extents.length != 4) {
      throw error("the shape " + words[1] + " is not NxHxWxC");
    }
    shape = Shape.of(extents);
    for (String word : Arrays.asList(words).subList(2, words.length)) {
      int equals = word.indexOf('=');
      String key = equals < 0 ? word : word.substring(0, equals);
      if (options.put(key, equals < 0 ? "" : word.substring(equals + 1)) != null) {
        throw error(key + " is there twice");
      }
      unread.add(key);
    }
  }

  String operation() {
    return operation;
  }

  Shape shape() {
    return shape;
  }

  /** The line with one element type and one kind of numbers. */
  String alone(DType dtype, Data data, long seed) {
    List<String> words = new ArrayList<>(List.of(line.split("\\s+")));
    words.removeIf(w -> w.startsWith("dtype=") || w.startsWith("data=") || w.startsWith("seed="));
    words.add("dtype=" + dtype.suffix());
    words.add("data=" + data.name().toLowerCase(Locale.ROOT));
    words.add("seed=" + seed);
    return String.join(" ", words);
  }

  boolean flag(String key) {
    unread.remove(key);
    return options.containsKey(key);
  }

  String text(String key, String otherwise) {
    unread.remove(key);
    return options.getOrDefault(key, otherwise);
  }

  int number(String key, int otherwise) {
    return ints(text(key, String.valueOf(otherwise)), ",")[0];
  }

  float real(String key, float otherwise) {
    try {
      return Float.parseFloat(text(key, String.valueOf(otherwise)));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not a number: " + key + ", in: " + line, e);
    }
  }

  int required(String key) {
    if (!options.containsKey(key)) {
      throw error(operation + " wants " + key + "=");
    }
    return number(key, 0);
  }

  int[] ints(String text, String separator) {
    try {
      return Arrays.stream(text.split(separator)).mapToInt(Integer::parseInt).toArray();
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not numbers: " + text + ", in: " + line, e);
    }
  }

  DType dtype(String suffix) {
    return Arrays.stream(DType.values())
        .filter(d -> d.suffix().equals(suffix))
        .findFirst()
        .orElseThrow(() -> error("there is no element type " + suffix));
  }

  <E extends Enum<E>> E constant(Class<E> type, String name) {
    return Arrays.stream(type.getEnumConstants())
        .filter(e -> e.name().equals(name.toUpperCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(() -> error("there is no " + type.getSimpleName() + " " + name));
  }

  /** An activation in the view that the option {@code key} names; without it packed. */
  Operand view(String key, Shape shape, DType dtype) {
    if (!flag(key)) {
      return Operand.packed(shape, dtype);
    }
    int[] view = ints(text(key, ""), "/");
    if (view.length != 2
        || view[1] % Operand.CHANNEL_MULTIPLE != 0
        || view[0] + shape.c() > view[1]) {
      throw error("the view " + key + " is not FIRST/PITCH with room for " + shape.c());
    }
    return Operand.view(shape, dtype, view[0], view[1]);
  }

  Op.Prologue prologue() {
    return constant(Op.Prologue.class, text("prologue", "none"));
  }

  Op.Pool pool(Op.PoolKind kind) {
    int kernel = required("kernel");
    return new Op.Pool(
        kind,
        kernel,
        number("stride", kernel),
        number("pad", 0),
        flag("ceil"),
        flag("include-pad"),
        prologue());
  }

  Op.LocalResponseNorm localResponseNorm() {
    return new Op.LocalResponseNorm(required("size"), 0.5f, 0.75f, 2);
  }

  Op.Conv convolution() {
    int[] kernel = ints(text("kernel", "1x1"), "x");
    int[] pad = ints(text("pad", "0x0"), "x");
    return new Op.Conv(
        kernel[0],
        kernel[1],
        number("stride", 1),
        pad[0],
        pad[1],
        number("groups", 1),
        prologue(),
        flag("bias"),
        flag("residual"),
        flag("relu"));
  }

  /** Filters K,C,R,S of {@code conv} over this shape. */
  Shape filters(Op.Conv conv) {
    return Shape.of(required("k"), shape.c() / conv.groups(), conv.kernelH(), conv.kernelW());
  }

  /** There must be no option that nobody asked for. */
  void requireAllRead() {
    if (!unread.isEmpty()) {
      throw error(operation + " has no option " + String.join(", ", unread));
    }
  }

  IllegalArgumentException error(String why) {
    return new IllegalArgumentException(why + ", in: " + line);
  }

  @Override
  public String toString() {
    return line;
  }
}
