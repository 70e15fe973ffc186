package dev.catena.graph;

import dev.catena.error.GraphException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The inputs and outputs of an operation, by name, with the extents that they share, and the rules
 * that the extents obey.
 *
 * <p>It is read in both directions. From the inputs of a node follow its outputs, or an error that
 * names the input that does not fit. From the extents that a problem's line gives follow the shapes
 * of all operands. An operation builds one with each call of {@link Op#signature}; nobody changes
 * it after that.
 */
public final class Signature {
  /** Vectors of means and variances. */
  private static final Extent MOMENTS = Extent.of(2);

  /** Far beyond any network; kernels calculate with 32 bits. */
  private static final int FARTHEST = 1 << 20;

  /** Halves of a seed and of a step. */
  private static final Extent RANDOM_WORDS = Extent.of(4);

  /**
   * An input or output.
   *
   * @param name unique among the inputs, or among the outputs
   * @param role what it means
   * @param extents its shape; empty where {@link Signature} cannot say it
   */
  public record Port(String name, Role role, List<Extent> extents) {}

  /** The type of an output. */
  record Made(String name, Shape shape, DType dtype, Layout layout) {}

  /** Extents as far as they are known. */
  public static final class Extents {
    private final Map<Axis, Integer> known = new EnumMap<>(Axis.class);

    /** Of a line's extents whether an image is the smallest that makes an output; or null. */
    private final BooleanSupplier smallest;

    private Extents(BooleanSupplier smallest) {
      this.smallest = smallest;
    }

    /**
     * Extents that a line gives.
     *
     * @param smallest whether an image is the smallest that makes an output, or else the largest
     */
    public static Extents ofLine(BooleanSupplier smallest) {
      return new Extents(smallest);
    }

    /** Whether {@code extent} has a value. */
    public boolean knows(Extent extent) {
      return extent instanceof Extent.Fixed || known.containsKey(extent);
    }

    /** The value of a known extent. */
    public int of(Extent extent) {
      return extent instanceof Extent.Fixed fixed ? fixed.value() : known.get(extent);
    }

    /** Sets an extent, which is unknown or has this value. */
    public void set(Axis axis, long value) {
      Integer there = known.putIfAbsent(axis, Math.toIntExact(value));
      if (there != null && there != value) {
        throw new GraphException("%s is %d, not %d".formatted(axis, there, value));
      }
    }

    private boolean fits(Extent extent, int value) {
      if (extent instanceof Axis axis && !knows(axis)) {
        set(axis, value);
      }
      return extent == Extent.ANY || of(extent) == value;
    }

    private String text(List<Extent> extents) {
      return extents.stream()
          .map(e -> knows(e) && e != Extent.ANY ? String.valueOf(of(e)) : e.toString())
          .collect(Collectors.joining("x", "[", "]"));
    }

    private Shape shape(List<Extent> extents) {
      return new Shape(extents.stream().map(this::of).toList());
    }
  }

  /** What extents have to do with each other; sets the one that follows from the others. */
  @FunctionalInterface
  private interface Rule {
    void apply(Extents extents);
  }

  private record Check(BiPredicate<Extents, List<Value>> holds, String otherwise) {}

  private final List<Port> inputs = new ArrayList<>();
  private final List<Port> outputs = new ArrayList<>();
  private final List<Rule> rules = new ArrayList<>();
  private final List<Check> checks = new ArrayList<>();
  private DType dtype;
  private boolean repeated;

  private Signature() {}

  // ---- declaring ------------------------------------------------------------------------------

  /** One without inputs and outputs. */
  static Signature of() {
    return new Signature();
  }

  /** One of x, N,H,W,C. */
  static Signature ofImage() {
    return of().image("x");
  }

  Signature takes(String name, Role role, Extent... extents) {
    inputs.add(new Port(name, role, List.of(extents)));
    return this;
  }

  Signature activation(String name, Extent... extents) {
    return takes(name, Role.ACTIVATION, extents);
  }

  /** An activation N,H,W,C. */
  Signature image(String name) {
    return activation(name, Axis.N, Axis.H, Axis.W, Axis.C);
  }

  Signature statistics(String name) {
    return takes(name, Role.STATISTICS, MOMENTS, Extent.ONE, Extent.ONE, Axis.C);
  }

  Signature sums(String name) {
    return takes(name, Role.SUMS, MOMENTS, Extent.ONE, Extent.ONE, Axis.C);
  }

  Signature random() {
    return takes("random", Role.RANDOM, RANDOM_WORDS);
  }

  /** s and t, one number a channel, unless there is no prologue. */
  Signature affine(Op.Prologue prologue) {
    boolean none = prologue == Op.Prologue.NONE;
    return none ? this : takes("s", Role.SCALE, Axis.C).takes("t", Role.SHIFT, Axis.C);
  }

  /** Several activations N,H,W, whose channels are joined to C. */
  Signature joined(String name) {
    repeated = true;
    return activation(name, Axis.N, Axis.H, Axis.W, Extent.ANY);
  }

  /** {@code total} is the product of the factors, of which one may be unknown. */
  Signature product(Axis total, Extent... factors) {
    rules.add(
        e -> {
          long known = 1;
          Axis unknown = null;
          for (Extent factor : factors) {
            if (e.knows(factor)) {
              known = Math.multiplyExact(known, (long) e.of(factor));
            } else if (unknown == null) {
              unknown = (Axis) factor;
            } else {
              return;
            }
          }
          if (unknown == null) {
            e.set(total, known);
          } else if (e.knows(total)) {
            if (e.of(total) % known != 0) {
              throw new GraphException(
                  "%s = %d is no multiple of %d".formatted(total, e.of(total), known));
            }
            e.set(unknown, e.of(total) / known);
          }
        });
    return this;
  }

  /** {@code out} windows over {@code in} cells and the padding on both sides. */
  Signature window(Axis out, Axis in, Op.Window window, boolean ceil) {
    boolean taps = window.stride() >= 1 && window.kernel() >= 1 && window.dilation() >= 1;
    require(
        taps && window.pad() >= 0 && window.end() >= 0, "stride, kernel or padding out of range");
    require(window.stride() <= FARTHEST, "stride is more than " + FARTHEST);
    require(window.dilation() <= FARTHEST, "dilation is more than " + FARTHEST);
    require(Math.max(window.pad(), window.end()) <= FARTHEST, "padding is more than " + FARTHEST);
    rules.add(
        e -> {
          if (e.knows(in)) {
            e.set(out, windows(e.of(in), window, ceil));
          } else if (e.smallest != null && e.knows(out)) {
            long before = (e.of(out) - 1L) * window.stride() + window.reach();
            long least = before - window.pad() - window.end();
            e.set(in, e.smallest.getAsBoolean() ? least : least + window.stride() - 1);
          }
        });
    return this;
  }

  private static int windows(int size, Op.Window window, boolean ceil) {
    int stride = window.stride();
    long span = (long) size + window.pad() + window.end() - window.reach();
    if (span < 0) {
      throw new GraphException(
          "a window of %d does not fit %d with padding %d"
              .formatted(window.reach(), size, Math.max(window.pad(), window.end())));
    }
    long out = (ceil ? span + stride - 1 : span) / stride + 1;
    // A last window must start inside the image or its leading padding.
    boolean outside = ceil && (out - 1) * stride >= (long) size + window.pad();
    return Math.toIntExact(outside ? out - 1 : out);
  }

  /** An extent that the operation itself gives. */
  Signature given(Axis axis, long value) {
    require(value > 0, axis + " is " + value);
    rules.add(e -> e.set(axis, value));
    return this;
  }

  /**
   * What an operation's fields must be whatever its inputs are.
   *
   * @throws GraphException if it does not hold
   */
  Signature require(boolean holds, String otherwise) {
    if (!holds) {
      throw new GraphException(otherwise);
    }
    return this;
  }

  /** What must hold of the extents and the inputs beyond the rules. */
  Signature check(BiPredicate<Extents, List<Value>> holds, String otherwise) {
    checks.add(new Check(holds, otherwise));
    return this;
  }

  private Signature makes(String name, Role role, Extent... extents) {
    outputs.add(new Port(name, role, List.of(extents)));
    return this;
  }

  /** An activation of the same element type as the first that is taken. */
  Signature makes(Extent... extents) {
    return makes("y", Role.ACTIVATION, extents);
  }

  /** An activation N,H,W,C. */
  Signature makesImage() {
    return makes(Axis.N, Axis.H, Axis.W, Axis.C);
  }

  /** The user's N,C,H,W. */
  Signature makesImages() {
    return makes("y", Role.IMAGES, Axis.N, Axis.H, Axis.W, Axis.C);
  }

  /** Activations of this type whatever the inputs have. */
  Signature of(DType type) {
    dtype = type;
    return this;
  }

  /** [2,1,1,C] in fp32. */
  Signature makesStatistics(String name, Extent channels) {
    return makes(name, Role.STATISTICS, MOMENTS, Extent.ONE, Extent.ONE, channels);
  }

  /** A vector that is computed with every batch. */
  Signature makesVector(String name, Extent length) {
    return makes(name, Role.BIAS, length);
  }

  /** The gradient by filters, in fp32. */
  Signature makesFilters(Extent... extents) {
    return makes("y", Role.FILTERS, extents);
  }

  /** What is computed when weights load. */
  Signature makesConstant(Extent... extents) {
    return makes("y", Role.CONSTANT, extents);
  }

  /** Shape, type and layout of input 0. */
  Signature makesAsFirst() {
    return makes("y", inputs.getFirst().role());
  }

  /** Through a prologue to x: s, t and the statistics are inputs, the sums another output. */
  Signature through(Op.Prologue prologue) {
    return prologue == Op.Prologue.NONE
        ? makesImage()
        : image("x")
            .affine(prologue)
            .statistics("statistics")
            .makesImage()
            .makesStatistics("sums", Axis.C);
  }

  /** With {@code accumulate} the last input is what output 0 is added to. */
  Signature accumulate(boolean accumulate) {
    Port y = outputs.getFirst();
    Role role = y.role() == Role.STATISTICS ? Role.SUMS : y.role();
    return accumulate ? takes("a", role, y.extents().toArray(Extent[]::new)) : this;
  }

  // ---- reading --------------------------------------------------------------------------------

  /** The inputs; of a {@link #repeats} one only, which stands for all. */
  public List<Port> inputs() {
    return List.copyOf(inputs);
  }

  /** The input at {@code index}. */
  public Port input(int index) {
    return inputs.get(repeated ? 0 : index);
  }

  /** The outputs. */
  public List<Port> outputs() {
    return List.copyOf(outputs);
  }

  /** Whether there is any number of inputs, whose channels are joined. */
  public boolean repeats() {
    return repeated;
  }

  /** The letters of all operands. */
  public Set<Axis> axes() {
    Set<Axis> axes = EnumSet.noneOf(Axis.class);
    for (List<Port> ports : List.of(inputs, outputs)) {
      for (Port port : ports) {
        port.extents().stream()
            .filter(Axis.class::isInstance)
            .forEach(axis -> axes.add((Axis) axis));
      }
    }
    return axes;
  }

  /** Sets whatever follows from what is known. */
  public void solve(Extents extents) {
    int before;
    do {
      before = extents.known.size();
      rules.forEach(rule -> rule.apply(extents));
    } while (extents.known.size() > before);
  }

  /** The shape of an operand all of whose extents are known. */
  public Shape shape(Port port, Extents extents) {
    return extents.shape(port.extents());
  }

  /**
   * The extents of {@code values} as inputs.
   *
   * @throws GraphException naming the input that does not fit
   */
  public Extents bind(List<Value> values) {
    boolean fits = repeated ? !values.isEmpty() : values.size() == inputs.size();
    require(fits, "takes " + arity() + ", got " + values.size());
    Extents extents = new Extents(null);
    for (int i = 0; i < values.size(); i++) {
      solve(extents);
      match(input(i), values.get(i), extents);
    }
    if (repeated) {
      extents.set(Axis.C, values.stream().mapToLong(v -> v.shape().c()).sum());
    }
    solve(extents);
    for (Check check : checks) {
      require(check.holds().test(extents, values), check.otherwise());
    }
    return extents;
  }

  private String arity() {
    List<String> names = inputs.stream().map(Port::name).toList();
    return repeated ? "one input or more" : names.size() + " inputs " + names;
  }

  private static void match(Port port, Value value, Extents extents) {
    List<Integer> dims = value.shape().dims();
    List<Extent> wanted = port.extents();
    String expected = wanted.isEmpty() ? "" : " " + extents.text(wanted);
    boolean fits =
        port.role().layouts().contains(value.layout())
            && (wanted.isEmpty()
                || dims.size() == wanted.size()
                    && IntStream.range(0, dims.size())
                        .allMatch(i -> extents.fits(wanted.get(i), dims.get(i))));
    if (!fits) {
      throw new GraphException(
          "input %s is %s %s, not %s%s"
              .formatted(port.name(), value.layout(), value.shape(), port.role(), expected));
    }
  }

  /**
   * What {@code op} makes of {@code inputs}.
   *
   * @param name the node's name, for errors
   * @param converted the element type of activations that are made of none
   * @throws GraphException naming the node if the inputs do not fit the operation
   */
  static List<Made> infer(String name, Op op, List<Value> inputs, DType converted) {
    try {
      Signature signature = op.signature();
      return signature.made(signature.bind(inputs), inputs, converted);
    } catch (GraphException e) {
      throw e.at(name);
    } catch (ArithmeticException _) {
      throw new GraphException(name + ": an extent is beyond 2^31");
    }
  }

  private List<Made> made(Extents extents, List<Value> values, DType converted) {
    DType activations =
        dtype != null
            ? dtype
            : IntStream.range(0, values.size())
                .filter(i -> !input(i).role().single() && !values.get(i).isConstant())
                .mapToObj(i -> values.get(i).dtype())
                .findFirst()
                .orElse(converted);
    List<Made> made = new ArrayList<>();
    for (Port port : outputs) {
      boolean first = port.extents().isEmpty();
      Shape shape = first ? values.getFirst().shape() : extents.shape(port.extents());
      Layout layout = first ? values.getFirst().layout() : port.role().layouts().getFirst();
      DType type = port.role().single() ? DType.FP32 : activations;
      made.add(new Made(port.name(), shape, type, layout));
    }
    return made;
  }
}
