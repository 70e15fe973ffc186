package dev.catena.graph;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Operations as text and back, from the components of their records: a name and options such as
 * {@code kernel=3x3}, where an option that is left out has its default. {@link Text} says what is
 * not evident.
 */
public final class Fields {
  private static final Map<String, Class<? extends Op>> BY_NAME = new HashMap<>();

  static {
    register(Op.class);
    register(TrainingOp.class);
  }

  private final UnaryOperator<String> options;
  private final Signature.Extents extents;
  private final DType dtype;

  private Fields(UnaryOperator<String> options, Signature.Extents extents, DType dtype) {
    this.options = options;
    this.extents = extents;
    this.dtype = dtype;
  }

  private static void register(Class<? extends Op> type) {
    if (type.isRecord()) {
      names(type).forEach(name -> BY_NAME.put(name, type));
    } else {
      Stream.of(type.getPermittedSubclasses()).forEach(t -> register(t.asSubclass(Op.class)));
    }
  }

  /**
   * The operation {@code name} with these fields.
   *
   * @param options the text of an option, or null
   * @param extents of the shape, for fields that are extents
   * @param dtype for fields that are element types
   * @throws IllegalArgumentException if there is none, a field is missing or has no such value
   */
  public static Op read(
      String name, UnaryOperator<String> options, Signature.Extents extents, DType dtype) {
    Class<? extends Op> type = BY_NAME.get(name);
    if (type == null) {
      throw new IllegalArgumentException("there is no operation " + name);
    }
    return new Fields(options, extents, dtype).record(type, names(type).indexOf(name));
  }

  private <R> R record(Class<R> type, int variant) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (RecordComponent field : type.getRecordComponents()) {
      values.put(field.getName(), value(field, variant, values));
    }
    return create(type, values.values());
  }

  private Object value(RecordComponent field, int variant, Map<String, Object> before) {
    Class<?> type = field.getType();
    String option = option(field);
    if (type.isRecord()) {
      return record(type, variant);
    }
    if (type.isEnum() && isVariant(field)) {
      return type.getEnumConstants()[variant];
    }
    if (type == DType.class) {
      return dtype;
    }
    if (type == boolean.class) {
      return options.apply(option) != null;
    }
    if (type == String.class) {
      return absent(field, before, extents);
    }
    String given = options.apply(option);
    String absent = absent(field, before, extents);
    if (given == null && absent.isEmpty()) {
      throw new IllegalArgumentException("wants " + option + "=");
    }
    if (type == List.class) {
      String[] numbers = (given == null ? absent : given).split(",");
      Type element = ((ParameterizedType) field.getGenericType()).getActualTypeArguments()[0];
      return Stream.of(numbers)
          .limit(given == null ? extents.of(Axis.C) : numbers.length)
          .map(number -> number(element == Float.class ? float.class : int.class, number))
          .toList();
    }
    if (type.isEnum()) {
      return constant(type, given == null ? absent : given);
    }
    List<String> shared = sharing(field).stream().map(RecordComponent::getName).toList();
    String[] numbers = given == null ? new String[0] : given.split("x");
    if (given != null && numbers.length != shared.size()) {
      throw new IllegalArgumentException(option + "=" + given + " has not " + shared.size());
    }
    return number(type, given == null ? absent : numbers[shared.indexOf(field.getName())]);
  }

  private static Object number(Class<?> type, String text) {
    try {
      return type == float.class
          ? (Object) Float.parseFloat(text)
          : type == long.class ? (Object) Long.parseLong(text) : Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not a number: " + text, e);
    }
  }

  /**
   * The constant of an enumeration, in letters of either case.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static <E> E constant(Class<E> type, String name) {
    return Stream.of(type.getEnumConstants())
        .filter(e -> ((Enum<?>) e).name().equalsIgnoreCase(name))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("there is no " + type.getSimpleName() + " " + name));
  }

  /** The name in a line. */
  public static String name(Op op) {
    List<String> names = names(op.getClass());
    return names.get(names.size() == 1 ? 0 : variant(op));
  }

  private static int variant(Object op) {
    Object first = get(op, op.getClass().getRecordComponents()[0]);
    return first instanceof Enum<?> constant ? constant.ordinal() : variant(first);
  }

  /**
   * The options in a line, in the order of the fields, but those that have their defaults.
   *
   * @param extents of the line's shape
   */
  public static List<String> options(Record op, Signature.Extents extents) {
    List<String> words = new ArrayList<>();
    Map<String, Object> before = new HashMap<>();
    for (RecordComponent field : op.getClass().getRecordComponents()) {
      Object value = get(op, field);
      before.put(field.getName(), value);
      Class<?> type = field.getType();
      List<RecordComponent> shared = sharing(field);
      if (value instanceof Record nested) {
        words.addAll(options(nested, extents));
      } else if (type == boolean.class) {
        words.addAll((boolean) value ? List.of(option(field)) : List.of());
      } else if (type != DType.class
          && type != String.class
          && !isVariant(field)
          && shared.getFirst().getName().equals(field.getName())) {
        String given = shared.stream().map(f -> word(get(op, f))).collect(Collectors.joining("x"));
        String absent =
            shared.stream().map(f -> absent(f, before, extents)).collect(Collectors.joining("x"));
        boolean list = value instanceof List<?> && absent.startsWith(given);
        words.addAll(
            given.equals(absent) || list ? List.of() : List.of(option(field) + "=" + given));
      }
    }
    return words;
  }

  private static String word(Object value) {
    return switch (value) {
      case Float f -> f.toString().replaceFirst("\\.0$", "");
      case Enum<?> e -> e.name().toLowerCase(Locale.ROOT);
      case List<?> list -> list.stream().map(Fields::word).collect(Collectors.joining(","));
      default -> value.toString();
    };
  }

  /** A field of {@code op}, or of the operation within it, by its name; null if there is none. */
  public static Object value(Op op, String name) {
    Object within = null;
    for (RecordComponent field : op.getClass().getRecordComponents()) {
      Object value = get(op, field);
      if (field.getName().equals(name)) {
        return value;
      }
      within = value instanceof Op inner && within == null ? value(inner, name) : within;
    }
    return within;
  }

  /** The same, of an enumeration the number of its constant. */
  public static Object number(Op op, String name) {
    Object value = value(op, name);
    return value instanceof Enum<?> constant ? (Object) constant.ordinal() : value;
  }

  /** The same record with another value in one component. */
  static <R> R with(R of, String name, Object value) {
    @SuppressWarnings("unchecked")
    Class<R> type = (Class<R>) of.getClass();
    List<Object> values = new ArrayList<>();
    for (RecordComponent field : type.getRecordComponents()) {
      values.add(field.getName().equals(name) ? value : get(of, field));
    }
    return create(type, values);
  }

  private static <R> R create(Class<R> type, Iterable<Object> values) {
    RecordComponent[] fields = type.getRecordComponents();
    Class<?>[] types = Stream.of(fields).map(RecordComponent::getType).toArray(Class<?>[]::new);
    List<Object> list = new ArrayList<>();
    values.forEach(list::add);
    try {
      return type.getDeclaredConstructor(types).newInstance(list.toArray());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type + " has no canonical constructor for " + list, e);
    }
  }

  private static Object get(Object record, RecordComponent field) {
    try {
      return field.getAccessor().invoke(record);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot read " + field, e);
    }
  }

  private static List<String> names(Class<?> type) {
    Text text = type.getAnnotation(Text.class);
    return text == null ? List.of(hyphened(type.getSimpleName())) : List.of(text.value());
  }

  private static Text text(RecordComponent field) {
    return field.getAnnotation(Text.class);
  }

  private static String option(RecordComponent field) {
    Text text = text(field);
    return text == null || text.value().length == 0 ? hyphened(field.getName()) : text.value()[0];
  }

  /** The fields that are joined in one option. */
  private static List<RecordComponent> sharing(RecordComponent field) {
    return Arrays.stream(field.getDeclaringRecord().getRecordComponents())
        .filter(other -> option(other).equals(option(field)))
        .toList();
  }

  /** Whether the value is in the operation's name. */
  private static boolean isVariant(RecordComponent field) {
    Class<?> type = field.getDeclaringRecord();
    return names(type).size() > 1
        && field.getName().equals(type.getRecordComponents()[0].getName());
  }

  private static String absent(
      RecordComponent field, Map<String, Object> before, Signature.Extents extents) {
    Text text = text(field);
    if (text != null && text.of().length > 0) {
      long product = Stream.of(text.of()).mapToLong(extents::of).reduce(1, Math::multiplyExact);
      return String.valueOf(product);
    }
    if (field.getType().isEnum()) {
      return word(field.getType().getEnumConstants()[0]);
    }
    String absent = text == null ? "" : text.absent();
    return before.containsKey(absent) ? word(before.get(absent)) : absent;
  }

  private static String hyphened(String name) {
    return name.replaceAll("(?<=.)([A-Z])", "-$1").toLowerCase(Locale.ROOT);
  }
}
