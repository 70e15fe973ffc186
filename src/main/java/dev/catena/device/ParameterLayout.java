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
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The parameter struct of a kernel, as the build wrote it down.
 *
 * @param kernel the kernel's name
 * @param bytes of the struct
 * @param fields numbers and addresses, those of structs within by a path such as {@code y.pitch}
 */
record ParameterLayout(String kernel, int bytes, List<Field> fields) {
  private static final String RESOURCE = "/dev/catena/kernels/layouts.txt";
  private static final String NOTHING = "nothing";

  /**
   * A field.
   *
   * @param type {@code address}, {@code int}, {@code long}, {@code float} or {@code double}
   */
  record Field(String name, String type, int offset) {}

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
   * Writes values where the struct has them.
   *
   * @throws KernelMismatchException when they are not the struct's fields
   */
  void write(Arguments arguments, MemorySegment target) {
    for (int i = 0; i < fields.size(); i++) {
      Field field = fields.get(i);
      Object value = arguments.take(field.name());
      String type = field.type().equals("address") ? "long" : field.type();
      if (!type.equals(type(value))) {
        throw mismatch(
            arguments, i, describe(type, field.name()), describe(type(value), field.name()));
      }
      set(target, field.offset(), value);
    }
    if (!arguments.left().isEmpty()) {
      var more = arguments.left().getFirst();
      throw mismatch(
          arguments, fields.size(), NOTHING, describe(type(more.getValue()), more.getKey()));
    }
  }

  private KernelMismatchException mismatch(
      Arguments arguments, int index, String expected, String given) {
    return new KernelMismatchException(kernel, arguments.toString(), index, expected, given);
  }

  private static String describe(String type, String name) {
    return type.equals(NOTHING) ? NOTHING : type + " " + name;
  }

  private static String type(Object value) {
    return switch (value) {
      case Integer _, Boolean _ -> "int";
      case Long _ -> "long";
      case Float _ -> "float";
      case Double _ -> "double";
      case null -> NOTHING;
      default -> value.getClass().getSimpleName();
    };
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
}
