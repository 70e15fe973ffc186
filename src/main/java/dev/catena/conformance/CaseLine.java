package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.graph.DType;
import dev.catena.graph.Fields;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The words of a line: an operation, a shape N,H,W,C and options, all of which must be read. */
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

  /** The text behind an option, "" if there is none; null without the option. */
  String option(String key) {
    unread.remove(key);
    return options.get(key);
  }

  boolean flag(String key) {
    return option(key) != null;
  }

  String text(String key, String otherwise) {
    String option = option(key);
    return option == null ? otherwise : option;
  }

  int[] ints(String text, String separator) {
    try {
      return Arrays.stream(text.split(separator)).mapToInt(Integer::parseInt).toArray();
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not numbers: " + text + ", in: " + line, e);
    }
  }

  List<DType> dtypes() {
    return Arrays.stream(text("dtype", "f32,f16,bf16").split(",")).map(this::dtype).toList();
  }

  DType dtype(String suffix) {
    return Arrays.stream(DType.values())
        .filter(d -> d.suffix().equals(suffix))
        .findFirst()
        .orElseThrow(() -> error("there is no element type " + suffix));
  }

  List<Data> kinds() {
    try {
      return Arrays.stream(text("data", "exact,real").split(","))
          .map(kind -> Fields.constant(Data.class, kind))
          .toList();
    } catch (IllegalArgumentException e) {
      throw error(e.getMessage());
    }
  }

  /** An activation in the view that the option {@code key} names; without it {@code otherwise}. */
  Operand view(String key, Shape shape, DType dtype, Operand otherwise) {
    if (!flag(key)) {
      return otherwise;
    }
    int[] view = ints(text(key, ""), "/");
    if (view.length != 2
        || view[1] % Operand.CHANNEL_MULTIPLE != 0
        || view[0] + shape.c() > view[1]) {
      throw error("the view " + key + " is not FIRST/PITCH with room for " + shape.c());
    }
    return Operand.view(shape, dtype, view[0], view[1]);
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
}
