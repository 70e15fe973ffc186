package dev.catena.device;

import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * What a kernel's parameters are, by the names of the fields of its parameter struct, {@code
 * y_pitch} as {@code yPitch}. For one launch; for one thread.
 */
public final class Arguments {
  private final String source;
  private final Function<String, Object> others;
  private final Map<String, Object> values = new LinkedHashMap<>();

  private Arguments(String source, Function<String, Object> others) {
    this.source = source;
    this.others = others;
  }

  /** The components of a record, which are all of the struct's fields, in any order. */
  public static Arguments of(Record struct) {
    Arguments arguments = new Arguments(struct.getClass().getSimpleName(), _ -> null);
    arguments.add("", struct);
    return arguments;
  }

  /**
   * Those that are {@link #set}, and others.
   *
   * @param source of the values, for messages
   * @param others gives the value of a field that is not set by its path, such as {@code y.pitch},
   *     or null
   */
  public static Arguments of(String source, Function<String, Object> others) {
    return new Arguments(source, others);
  }

  /**
   * Gives a field.
   *
   * @param value an {@code int} or a {@code boolean} of an {@code int}, a {@code long} of a number
   *     or an address, a {@code float}, a {@code double}; of a struct a record of its fields
   */
  public Arguments set(String name, Object value) {
    if (value instanceof Record struct) {
      add(name + ".", struct);
    } else {
      values.put(name, value);
    }
    return this;
  }

  private void add(String outer, Record struct) {
    for (RecordComponent component : struct.getClass().getRecordComponents()) {
      set(outer + component.getName(), get(struct, component));
    }
  }

  /** The value of a field by its path, which nobody takes twice; null if there is none. */
  Object take(String field) {
    return values.containsKey(field) ? values.remove(field) : others.apply(field);
  }

  /** The fields that are set and were not taken. */
  List<Map.Entry<String, Object>> left() {
    return List.copyOf(values.entrySet());
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

  /** What they are of, for messages. */
  @Override
  public String toString() {
    return source;
  }
}
