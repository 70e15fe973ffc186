package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.catena.error.DeviceException;
import dev.catena.error.KernelMismatchException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The parameter struct of a kernel, as the build wrote it down, and the record that fills it.
 *
 * <p>The record has the struct's fields in their order, {@code y_pitch} as {@code yPitch}. A
 * pointer is a {@code long}, a struct within the struct a record within the record; an {@code int}
 * may be a {@code boolean}.
 *
 * @param kernel the kernel's name
 * @param bytes of the struct
 * @param fields numbers and addresses, those of structs within by a path such as {@code y.pitch}
 */
record ParameterLayout(String kernel, int bytes, List<Field> fields) {
  private static final String RESOURCE = "/dev/catena/kernels/layouts.txt";

  /**
   * A field.
   *
   * @param type {@code address}, {@code int}, {@code long}, {@code float} or {@code double}
   */
  record Field(String name, String type, int offset) {}

  /** A number of a record, and where it comes from. */
  private record Value(String name, Object number) {}

  private static final class BuiltIn {
    static final Map<String, ParameterLayout> LAYOUTS = read();
  }

  /** The layouts of all kernels of this build by the kernels' names. */
  static Map<String, ParameterLayout> builtIn() {
    return BuiltIn.LAYOUTS;
  }

  private static Map<String, ParameterLayout> read() {
    try (InputStream in = ParameterLayout.class.getResourceAsStream(RESOURCE)) {
      return in == null
          ? Map.of()
          : parse(new String(in.readAllBytes(), StandardCharsets.UTF_8), RESOURCE);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + RESOURCE, e);
    }
  }

  /**
   * Layouts in the format of {@code native/tools/layouts.cpp}, by the kernels' names.
   *
   * @param source of the text, for messages
   * @throws DeviceException when a line has another form
   */
  static Map<String, ParameterLayout> parse(String text, String source) {
    Map<String, ParameterLayout> layouts = new HashMap<>();
    for (String line : text.lines().toList()) {
      String[] words = line.split(" ");
      try {
        List<Field> fields = new ArrayList<>();
        for (int i = 2; i < words.length; i++) {
          String[] parts = words[i].split(":");
          fields.add(new Field(camelCase(parts[0]), parts[1], Integer.parseInt(parts[2])));
        }
        layouts.put(words[0], new ParameterLayout(words[0], Integer.parseInt(words[1]), fields));
      } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
        throw new DeviceException(source + " has a line that is no layout: " + line, e);
      }
    }
    return Map.copyOf(layouts);
  }

  private static String camelCase(String name) {
    StringBuilder camel = new StringBuilder();
    for (String part : name.split("_")) {
      camel.append(
          camel.isEmpty() ? part : Character.toUpperCase(part.charAt(0)) + part.substring(1));
    }
    return camel.toString();
  }

  /**
   * Writes a record's values where the struct has them.
   *
   * @throws KernelMismatchException when the record's components are not the struct's fields
   */
  void write(Record parameters, MemorySegment target) {
    List<Value> values = new ArrayList<>();
    flatten(parameters, "", values);
    for (int i = 0; i < Math.max(values.size(), fields.size()); i++) {
      String expected = i < fields.size() ? describe(fields.get(i)) : "nothing";
      String given = i < values.size() ? describe(values.get(i)) : "nothing";
      if (!given.equals(expected)) {
        throw new KernelMismatchException(
            kernel, parameters.getClass().getSimpleName(), i, expected, given);
      }
      set(target, fields.get(i).offset(), values.get(i).number());
    }
  }

  private static String describe(Field field) {
    return (field.type().equals("address") ? "long" : field.type()) + " " + field.name();
  }

  private static String describe(Value value) {
    String type =
        switch (value.number()) {
          case Integer _, Boolean _ -> "int";
          case Long _ -> "long";
          case Float _ -> "float";
          case Double _ -> "double";
          case null -> "null";
          default -> value.number().getClass().getSimpleName();
        };
    return type + " " + value.name();
  }

  private static void set(MemorySegment target, long offset, Object number) {
    switch (number) {
      case Integer i -> target.set(JAVA_INT_UNALIGNED, offset, i);
      case Boolean b -> target.set(JAVA_INT_UNALIGNED, offset, b ? 1 : 0);
      case Long l -> target.set(JAVA_LONG_UNALIGNED, offset, l);
      case Float f -> target.set(JAVA_FLOAT_UNALIGNED, offset, f);
      default -> target.set(JAVA_DOUBLE_UNALIGNED, offset, (double) number);
    }
  }

  private static void flatten(Record struct, String outer, List<Value> values) {
    for (RecordComponent component : struct.getClass().getRecordComponents()) {
      String name = outer + component.getName();
      if (get(struct, component) instanceof Record within) {
        flatten(within, name + ".", values);
      } else {
        values.add(new Value(name, get(struct, component)));
      }
    }
  }

  private static Object get(Record struct, RecordComponent component) {
    try {
      var accessor = component.getAccessor();
      accessor.setAccessible(true); // records of other packages may be theirs alone
      return accessor.invoke(struct);
    } catch (ReflectiveOperationException | RuntimeException e) {
      throw new IllegalArgumentException(
          "cannot read " + component + " of " + struct.getClass(), e);
    }
  }
}
