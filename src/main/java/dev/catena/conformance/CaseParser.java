package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.ShapeInference;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Reads lines of problems. A line is an operation, the input's shape N,H,W,C, then options in any
 * order:
 *
 * <pre>
 * conv 2x7x7x36 k=12 kernel=3x3 pad=1x1 prologue=scale_shift_relu bias relu x=0/40 y=12/24
 * </pre>
 *
 * <ul>
 *   <li>{@code dtype=f32,f16,bf16} element types, a case for each; without it all three
 *   <li>{@code data=exact,real} kinds of numbers ({@link Data}), a case for each; without it these
 *   <li>{@code x=4/32}, {@code y=4/32} first channel and pitch of a view; without it packed
 *   <li>{@code seed=7}
 *   <li>conv: {@code k= kernel=RxS stride= pad=HxW groups= prologue=} and {@code bias}, {@code
 *       relu}
 *   <li>max-pool, average-pool: {@code kernel= stride= pad= prologue=}, {@code ceil}, {@code
 *       include-pad}
 *   <li>global-average: {@code prologue=}; scale-shift, add: {@code relu}; linear: {@code k=};
 *       dense-layer: {@code bottleneck= k=}; concat: {@code channels=4,12}; copy: {@code to=f16}
 * </ul>
 */
final class CaseParser {
  private final String line;
  private final String operation;
  private final Shape x;
  private final Map<String, String> options = new HashMap<>();
  private final Set<String> unread = new HashSet<>();

  private CaseParser(String line) {
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
    x = Shape.of(extents);
    for (String word : Arrays.asList(words).subList(2, words.length)) {
      int equals = word.indexOf('=');
      String key = equals < 0 ? word : word.substring(0, equals);
      if (options.put(key, equals < 0 ? "" : word.substring(equals + 1)) != null) {
        throw error(key + " is there twice");
      }
      unread.add(key);
    }
  }

  /**
   * The cases of one line.
   *
   * @throws IllegalArgumentException quoting the line and what is wrong
   */
  static List<Case> parse(String line) {
    return new CaseParser(line.strip()).cases();
  }

  private List<Case> cases() {
    List<DType> dtypes =
        Arrays.stream(text("dtype", "f32,f16,bf16").split(",")).map(this::dtype).toList();
    List<Data> kinds =
        Arrays.stream(text("data", "exact,real").split(","))
            .map(kind -> constant(Data.class, kind))
            .toList();
    long seed = number("seed", 1);
    List<Case> cases = new ArrayList<>();
    for (DType dtype : dtypes) {
      Problem problem = problem(dtype);
      for (Data data : kinds) {
        String alone = alone(dtype, data, seed);
        cases.add(new Case(alone, operation, problem, data, seed));
      }
    }
    if (!unread.isEmpty()) {
      throw error(operation + " has no option " + String.join(", ", unread));
    }
    return cases;
  }

  private String alone(DType dtype, Data data, long seed) {
    List<String> words = new ArrayList<>(List.of(line.split("\\s+")));
    words.removeIf(w -> w.startsWith("dtype=") || w.startsWith("data=") || w.startsWith("seed="));
    words.add("dtype=" + dtype.suffix());
    words.add("data=" + data.name().toLowerCase(Locale.ROOT));
    words.add("seed=" + seed);
    return String.join(" ", words);
  }

  private Problem problem(DType dtype) {
    return switch (operation) {
      case "scale-shift" -> make(new Op.ScaleShift(flag("relu")), dtype, vectors(2));
      case "relu" -> make(new Op.Relu(), dtype, List.of());
      case "add" -> activations(new Op.Add(flag("relu")), dtype, List.of(x, x));
      case "concat" -> {
        int[] channels = ints(text("channels", String.valueOf(x.c())), ",");
        yield activations(
            new Op.Concat(), dtype, Arrays.stream(channels).mapToObj(x::withChannels).toList());
      }
      case "copy" -> copy(dtype);
      case "from-nchw" ->
          new Problem(new Op.FromNchw(), List.of(Operand.nchw(x)), view("y", x, dtype));
      case "to-nchw" -> new Problem(new Op.ToNchw(), List.of(view("x", x, dtype)), Operand.nchw(x));
      case "max-pool" -> pool(Op.PoolKind.MAX, dtype);
      case "average-pool" -> pool(Op.PoolKind.AVERAGE, dtype);
      case "global-average" -> {
        Op.Prologue prologue = prologue();
        yield make(new Op.GlobalAveragePool(prologue), dtype, affine(prologue));
      }
      case "conv" -> conv(dtype);
      case "linear" -> {
        int k = required("k");
        yield make(new Op.Linear(), dtype, List.of(Shape.of(k, x.c()), Shape.of(k)));
      }
      case "dense-layer" -> {
        int b = required("bottleneck");
        Shape w1 = Shape.of(b, x.c(), 1, 1);
        Shape w2 = Shape.of(required("k"), b, 3, 3);
        Shape vector = Shape.of(x.c());
        yield make(new Op.DenseLayer(), dtype, List.of(vector, vector, w1, Shape.of(b), w2));
      }
      default -> throw error("there is no operation " + operation);
    };
  }

  private Problem copy(DType dtype) {
    DType to = options.containsKey("to") ? dtype(text("to", "")) : dtype;
    return new Problem(new Op.Copy("check"), List.of(view("x", x, dtype)), view("y", x, to));
  }

  private Problem pool(Op.PoolKind kind, DType dtype) {
    Op.Prologue prologue = prologue();
    int kernel = required("kernel");
    Op.Pool pool =
        new Op.Pool(
            kind,
            kernel,
            number("stride", kernel),
            number("pad", 0),
            flag("ceil"),
            flag("include-pad"),
            prologue);
    return make(pool, dtype, affine(prologue));
  }

  private Problem conv(DType dtype) {
    int[] kernel = ints(text("kernel", "1x1"), "x");
    int[] pad = ints(text("pad", "0x0"), "x");
    int groups = number("groups", 1);
    int k = required("k");
    Op.Prologue prologue = prologue();
    boolean bias = flag("bias");
    List<Shape> constants = new ArrayList<>();
    constants.add(Shape.of(k, x.c() / groups, kernel[0], kernel[1]));
    constants.addAll(affine(prologue));
    if (bias) {
      constants.add(Shape.of(k));
    }
    Op.Conv conv =
        new Op.Conv(
            kernel[0],
            kernel[1],
            number("stride", 1),
            pad[0],
            pad[1],
            groups,
            prologue,
            bias,
            flag("relu"));
    return make(conv, dtype, constants);
  }

  private List<Shape> affine(Op.Prologue prologue) {
    return prologue == Op.Prologue.NONE ? List.of() : vectors(2);
  }

  private List<Shape> vectors(int count) {
    return Collections.nCopies(count, Shape.of(x.c()));
  }

  /** x and constants to y. */
  private Problem make(Op op, DType dtype, List<Shape> constants) {
    List<Operand> inputs = new ArrayList<>();
    inputs.add(view("x", x, dtype));
    constants.forEach(shape -> inputs.add(Operand.constant(shape)));
    return new Problem(op, inputs, view("y", output(op, inputs), dtype));
  }

  /** Several activations to y. */
  private Problem activations(Op op, DType dtype, List<Shape> shapes) {
    List<Operand> inputs = shapes.stream().map(shape -> view("x", shape, dtype)).toList();
    return new Problem(op, inputs, view("y", output(op, inputs), dtype));
  }

  private Shape output(Op op, List<Operand> inputs) {
    List<Value> values = new ArrayList<>();
    for (Operand input : inputs) {
      values.add(new Value(values.size(), "input", input.shape(), input.dtype(), input.layout()));
    }
    return ShapeInference.infer(line, op, values);
  }

  private Operand view(String key, Shape shape, DType dtype) {
    if (!options.containsKey(key)) {
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

  private Op.Prologue prologue() {
    return constant(Op.Prologue.class, text("prologue", "none"));
  }

  private boolean flag(String key) {
    unread.remove(key);
    return options.containsKey(key);
  }

  private String text(String key, String otherwise) {
    unread.remove(key);
    return options.getOrDefault(key, otherwise);
  }

  private int number(String key, int otherwise) {
    return ints(text(key, String.valueOf(otherwise)), ",")[0];
  }

  private int required(String key) {
    if (!options.containsKey(key)) {
      throw error(operation + " wants " + key + "=");
    }
    return number(key, 0);
  }

  private DType dtype(String suffix) {
    return Arrays.stream(DType.values())
        .filter(d -> d.suffix().equals(suffix))
        .findFirst()
        .orElseThrow(() -> error("there is no element type " + suffix));
  }

  private <E extends Enum<E>> E constant(Class<E> type, String name) {
    return Arrays.stream(type.getEnumConstants())
        .filter(e -> e.name().equals(name.toUpperCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(() -> error("there is no " + type.getSimpleName() + " " + name));
  }

  private int[] ints(String text, String separator) {
    try {
      return Arrays.stream(text.split(separator)).mapToInt(Integer::parseInt).toArray();
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("not numbers: " + text + ", in: " + line, e);
    }
  }

  private IllegalArgumentException error(String why) {
    return new IllegalArgumentException(why + ", in: " + line);
  }
}
