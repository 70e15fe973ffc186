package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.error.GraphException;
import dev.catena.graph.Axis;
import dev.catena.graph.DType;
import dev.catena.graph.Extent;
import dev.catena.graph.Fields;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Role;
import dev.catena.graph.Shape;
import dev.catena.graph.Signature;
import dev.catena.graph.Signature.Extents;
import dev.catena.graph.Signature.Port;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Problems as lines and back. A line is an operation, a shape N,H,W,C, then options in any order:
 *
 * <pre>
 * conv 2x7x7x36 k=12 kernel=3x3 pad=1x1 prologue=scale_shift_relu bias relu x=0/40 y=12/24
 * </pre>
 *
 * <p>The shape is that of x, of a gradient's x too; of a shortcut it is that of f. Options are
 *
 * <ul>
 *   <li>extents that do not follow: {@code k=} channels of the output, {@code bottleneck=}, {@code
 *       from=} channels of a shortcut's x, which {@code odd} makes smaller, {@code out=HxW} of a
 *       gradient, {@code channels=4,12} of a concatenation
 *   <li>the operation's fields, as {@link Fields} has them
 *   <li>{@code x=4/32}: first channel and pitch of the operand of this name in {@link
 *       Op#signature}; without it packed, but a where y lies and r of a sum as x does
 *   <li>{@code constant}: an operand that may be one is a constant
 *   <li>{@code trained}: filters and vectors are on the device, as while training
 *   <li>{@code tf32}: factors in fp32 may be rounded to TF32
 *   <li>{@code to=f16}: the element type of a copy; add-vectors: a sum of two vectors of C numbers
 * </ul>
 */
public final class ProblemLine {
  private static final String ADD_VECTORS = "add-vectors";
  private static final List<Axis> SHAPE = List.of(Axis.N, Axis.H, Axis.W, Axis.C);

  private ProblemLine() {}

  // ---- from a line ----------------------------------------------------------------------------

  /**
   * The problem of a line for one element type.
   *
   * @throws IllegalArgumentException quoting the line and what is wrong
   */
  static Problem problem(CaseLine line, DType dtype) {
    try {
      return new Reader(line, dtype).problem();
    } catch (GraphException e) {
      throw line.error(e.getMessage());
    } catch (IllegalArgumentException e) {
      throw e.getMessage().contains(", in: ")
          ? e
          : line.error(line.operation() + ": " + e.getMessage());
    }
  }

  private static final class Reader {
    private final CaseLine line;
    private final DType dtype;
    private final Extents extents;
    private final boolean vectors;
    private final boolean onDevice;
    private final Op op;
    private final Signature signature;

    Reader(CaseLine line, DType dtype) {
      this.line = line;
      this.dtype = dtype;
      extents = Extents.ofLine(() -> line.flag("odd"));
      setShape(extents, line.shape());
      vectors = line.operation().equals(ADD_VECTORS);
      String name = vectors ? "add" : line.operation();
      op = Fields.read(name, line::option, extents, dtype);
      onDevice = op instanceof TrainingOp || line.flag("trained");
      signature = op.signature();
    }

    Problem problem() {
      readExtents();
      List<Operand> inputs = new ArrayList<>();
      for (Shape shape : shapes()) {
        inputs.add(operand(signature.input(inputs.size()), shape));
      }
      List<Operand> outputs = new ArrayList<>();
      for (Port port : signature.outputs()) {
        outputs.add(output(port, shape(port)));
      }
      if (signature.inputs().getLast().name().equals("a")) {
        Operand y = outputs.getFirst();
        inputs.set(inputs.size() - 1, line.view("a", y.shape(), y.dtype(), y));
      }
      signature.bind(values(inputs));
      return new Problem(op, inputs, outputs).withTf32(line.flag("tf32"));
    }

    private void readExtents() {
      signature.solve(extents);
      for (Axis axis : signature.axes()) {
        String text = axis.option().isEmpty() || known(axis) ? null : line.option(axis.option());
        if (text != null) {
          int[] numbers = line.ints(text, "x");
          extents.set(axis, numbers[axis == Axis.Q ? 1 : 0]);
        } else if (axis == Axis.D) {
          extents.set(axis, extents.of(Axis.C));
        }
      }
      signature.solve(extents);
      for (Axis axis : signature.axes()) {
        if (!known(axis)) {
          throw line.error(line.operation() + " wants " + axis.option() + "=");
        }
      }
    }

    private boolean known(Axis axis) {
      return extents.knows(axis);
    }

    private List<Shape> shapes() {
      if (!signature.repeats()) {
        return signature.inputs().stream().map(this::shape).toList();
      }
      String channels = line.text("channels", String.valueOf(line.shape().c()));
      int[] all = line.ints(channels, ",");
      return Arrays.stream(all).mapToObj(line.shape()::withChannels).toList();
    }

    private Shape shape(Port port) {
      if (port.extents().isEmpty()) {
        return vectors ? Shape.of(line.shape().c()) : line.shape();
      }
      return port.extents().contains(Extent.ANY) || signature.repeats()
          ? joined()
          : signature.shape(port, extents);
    }

    private Shape joined() {
      return line.shape().withChannels(shapes().stream().mapToInt(Shape::c).sum());
    }

    private Operand operand(Port port, Shape shape) {
      return switch (port.role()) {
        case ACTIVATION -> view(port.name(), shape, dtype);
        case OPERAND ->
            line.flag("constant") ? Operand.constant(shape) : view(port.name(), shape, dtype);
        case STATISTICS, SUMS -> view(port.name(), shape, DType.FP32);
        case ADDEND -> vectors ? Operand.dense(shape) : addend(port.name(), shape);
        case IMAGES -> Operand.nchw(shape);
        case FILTERS -> onDevice ? Operand.filters(shape, dtype) : Operand.constant(shape);
        case SCALE, SHIFT, BIAS -> onDevice ? Operand.dense(shape) : Operand.constant(shape);
        case LABELS, RANDOM -> Operand.dense(shape);
        case CONSTANT, BATCH -> throw line.error("there is no operation " + line.operation());
      };
    }

    private Operand output(Port port, Shape shape) {
      return switch (port.role()) {
        case FILTERS -> Operand.filters(shape, DType.FP32);
        case BIAS -> Operand.dense(shape);
        case ACTIVATION -> {
          boolean converts = op instanceof Op.Copy;
          yield op instanceof Op.ArgMax
              ? view("y", shape, DType.FP32)
              : view("y", shape, converts ? line.dtype(line.text("to", dtype.suffix())) : dtype);
        }
        default -> operand(port, shape);
      };
    }

    private Operand addend(String name, Shape shape) {
      Operand x = view("x", shape, dtype);
      return name.equals("x") ? x : line.view(name, shape, dtype, x);
    }

    private Operand view(String key, Shape shape, DType type) {
      return line.view(key, shape, type, Operand.packed(shape, type));
    }
  }

  private static void setShape(Extents extents, Shape shape) {
    for (int i = 0; i < SHAPE.size(); i++) {
      extents.set(SHAPE.get(i), shape.dim(i));
    }
  }

  private static List<Value> values(List<Operand> operands) {
    return operands.stream().map(o -> new Value(0, "", o.shape(), o.dtype(), o.layout())).toList();
  }

  // ---- to a line ------------------------------------------------------------------------------

  /** The line of {@code problem}; its fields and shapes if no line says all of it. */
  public static String of(Problem problem) {
    try {
      String line = String.join(" ", words(problem));
      Problem read = Case.parse(line).getFirst().problem();
      Op op = read.op() instanceof Op.Copy ? problem.op() : read.op(); // A line has no reason.
      Problem same = new Problem(op, read.inputs(), read.outputs(), read.tf32());
      return same.equals(problem) ? line : description(problem);
    } catch (IllegalArgumentException | GraphException _) {
      return description(problem);
    }
  }

  private static List<String> words(Problem problem) {
    Op op = problem.op();
    Signature signature = op.signature();
    Extents bound = signature.bind(values(problem.inputs()));
    Shape shape = shape(problem, signature, bound);
    List<String> words = new ArrayList<>();
    words.add(
        problem.input(0).shape().rank() == 1 && op instanceof Op.Add
            ? ADD_VECTORS
            : Fields.name(op));
    words.add(joined(shape.dims().stream(), "x"));
    words.addAll(
        signature.repeats()
            ? List.of("channels=" + joined(problem.inputs().stream().map(x -> x.shape().c()), ","))
            : extents(signature, bound, shape));
    words.addAll(Fields.options((Record) op, ofShape(shape)));
    DType dtype = dtype(problem, signature);
    if (op instanceof Op.Copy && problem.output().dtype() != dtype) {
      words.add("to=" + problem.output().dtype().suffix());
    }
    for (int i = 0; i < signature.inputs().size(); i++) {
      Port port = signature.input(i);
      Operand sameAs =
          port.name().equals("a")
              ? problem.output()
              : port.role() == Role.ADDEND && i > 0 ? problem.input(0) : null;
      view(port.name(), problem.input(i), sameAs, words);
    }
    for (int i = 0; i < signature.outputs().size(); i++) {
      view(signature.outputs().get(i).name(), problem.output(i), null, words);
    }
    if (problem.trains() && !(op instanceof TrainingOp)) {
      words.add("trained");
    }
    if (problem.inputs().getLast().layout() == Layout.PARAMETER
        && signature.input(problem.inputs().size() - 1).role() == Role.OPERAND) {
      words.add("constant");
    }
    words.add("dtype=" + dtype.suffix());
    words.addAll(problem.tf32() ? List.of("tf32") : List.of());
    return words;
  }

  /** The shape from which the reader makes the others; one where no operand has an extent. */
  private static Shape shape(Problem problem, Signature signature, Extents bound) {
    Shape x = problem.input(0).shape();
    if (signature.repeats() || signature.input(0).extents().isEmpty()) {
      return x.rank() == 1 ? Shape.nhwc(1, 1, 1, x.dim(0)) : x;
    }
    List<Integer> dims =
        SHAPE.stream().map(axis -> bound.knows(axis) ? bound.of(axis) : 1).toList();
    return new Shape(dims);
  }

  /** Options of the extents that do not follow from the shape. */
  private static List<String> extents(Signature signature, Extents bound, Shape shape) {
    Extents largest = ofShape(shape);
    signature.solve(largest);
    Map<String, String> options = new LinkedHashMap<>();
    for (Axis axis : signature.axes()) {
      if (!largest.knows(axis) && !(axis == Axis.D && bound.of(axis) == shape.c())) {
        options.merge(axis.option() + "=", String.valueOf(bound.of(axis)), (h, w) -> h + "x" + w);
      }
    }
    List<String> words = new ArrayList<>();
    options.forEach((key, value) -> words.add(key + value));
    boolean odd =
        signature.axes().stream().anyMatch(a -> largest.knows(a) && largest.of(a) != bound.of(a));
    words.addAll(odd ? List.of("odd") : List.of());
    return words;
  }

  /** The element type of the first operand that is not always fp32. */
  private static DType dtype(Problem problem, Signature signature) {
    for (int i = 0; i < problem.inputs().size(); i++) {
      if (!signature.input(i).role().single() && problem.input(i).layout() != Layout.PARAMETER) {
        return problem.input(i).dtype();
      }
    }
    return problem.output().dtype();
  }

  private static void view(String key, Operand operand, Operand sameAs, List<String> words) {
    if (operand.layout() == Layout.NHWC
        && (sameAs == null ? !operand.isPacked() : !operand.equals(sameAs))) {
      words.add(key + "=" + operand.firstChannel() + "/" + operand.pitch());
    }
  }

  private static Extents ofShape(Shape shape) {
    Extents extents = Extents.ofLine(() -> false);
    setShape(extents, shape);
    return extents;
  }

  private static String joined(Stream<?> parts, String by) {
    return parts.map(String::valueOf).collect(Collectors.joining(by));
  }

  private static String description(Problem problem) {
    return problem.op()
        + " "
        + joined(
            problem.operands().stream()
                .map(o -> o.shape() + " " + o.dtype() + " " + o.firstChannel() + "/" + o.pitch()),
            ", ")
        + (problem.tf32() ? " tf32" : "");
  }
}
