package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.ShapeInference;
import dev.catena.graph.TrainingOp;
import dev.catena.graph.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

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
 *   <li>{@code trained}: filters and vectors are on the device, as while training
 *   <li>{@code tf32}: factors in fp32 may be rounded to TF32
 *   <li>{@code seed=7}
 *   <li>conv: {@code k= kernel=RxS stride= pad=HxW groups= prologue=} and {@code bias}, {@code
 *       residual}, {@code relu}; {@code r=} is the residual's view
 *   <li>max-pool, average-pool: {@code kernel= stride= pad= prologue=}, {@code ceil}, {@code
 *       include-pad}
 *   <li>global-average: {@code prologue=}; scale-shift, add: {@code relu}; linear: {@code k=};
 *       dense-layer: {@code bottleneck= k=}; concat: {@code channels=4,12}; copy: {@code to=f16}
 *   <li>training operations: {@link TrainingCases}; others: {@link BlockCases}
 * </ul>
 */
final class CaseParser {
  private final CaseLine line;
  private final Shape x;

  private CaseParser(CaseLine line) {
    this.line = line;
    this.x = line.shape();
  }

  /**
   * The cases of one line.
   *
   * @throws IllegalArgumentException quoting the line and what is wrong
   */
  static List<Case> parse(String line) {
    return new CaseParser(new CaseLine(line.strip())).cases();
  }

  private List<Case> cases() {
    List<DType> dtypes =
        Arrays.stream(line.text("dtype", "f32,f16,bf16").split(",")).map(line::dtype).toList();
    List<Data> kinds =
        Arrays.stream(line.text("data", "exact,real").split(","))
            .map(kind -> line.constant(Data.class, kind))
            .toList();
    long seed = line.number("seed", 1);
    boolean inPlace = line.flag("in-place");
    List<Case> cases = new ArrayList<>();
    for (DType dtype : dtypes) {
      Problem problem = problem(dtype).withTf32(line.flag("tf32"));
      int over = inPlace ? overwritten(problem) : Case.NOTHING;
      for (Data data : kinds) {
        String alone = line.alone(dtype, data, seed);
        cases.add(new Case(alone, line.operation(), problem, over, data, seed));
      }
    }
    line.requireAllRead();
    return cases;
  }

  private static int overwritten(Problem problem) {
    boolean last = problem.op() instanceof TrainingOp.Accumulating a && a.accumulate();
    return last ? problem.inputs().size() - 1 : 0;
  }

  private Problem problem(DType dtype) {
    return switch (line.operation()) {
      case "scale-shift" -> make(new Op.ScaleShift(line.flag("relu")), dtype, vectors(2));
      case "relu" -> make(new Op.Relu(), dtype, List.of());
      case "add" -> activations(new Op.Add(line.flag("relu")), dtype, List.of(x, x));
      case "concat" -> {
        int[] channels = line.ints(line.text("channels", String.valueOf(x.c())), ",");
        yield activations(
            new Op.Concat(), dtype, Arrays.stream(channels).mapToObj(x::withChannels).toList());
      }
      case "copy" -> copy(dtype);
      case "from-nchw" ->
          new Problem(new Op.FromNchw(), List.of(Operand.nchw(x)), line.view("y", x, dtype));
      case "to-nchw" ->
          new Problem(new Op.ToNchw(), List.of(line.view("x", x, dtype)), Operand.nchw(x));
      case "max-pool" -> pool(Op.PoolKind.MAX, dtype);
      case "average-pool" -> pool(Op.PoolKind.AVERAGE, dtype);
      case "global-average" -> {
        Op.Prologue prologue = line.prologue();
        yield make(new Op.GlobalAveragePool(prologue), dtype, affine(prologue));
      }
      case "conv" -> conv(dtype);
      case "linear" -> {
        int k = line.required("k");
        yield make(new Op.Linear(), dtype, List.of(Shape.of(k, x.c()), Shape.of(k)));
      }
      case "dense-layer" -> {
        int b = line.required("bottleneck");
        Shape w1 = Shape.of(b, x.c(), 1, 1);
        Shape w2 = Shape.of(line.required("k"), b, 3, 3);
        Shape vector = Shape.of(x.c());
        yield make(new Op.DenseLayer(), dtype, List.of(vector, vector, w1, Shape.of(b), w2));
      }
      default ->
          BlockCases.has(line)
              ? BlockCases.problem(line, dtype)
              : TrainingCases.problem(line, dtype);
    };
  }

  private Problem copy(DType dtype) {
    DType to = line.dtype(line.text("to", dtype.suffix()));
    return new Problem(
        new Op.Copy("check"), List.of(line.view("x", x, dtype)), line.view("y", x, to));
  }

  private Problem pool(Op.PoolKind kind, DType dtype) {
    Op.Pool pool = line.pool(kind);
    return make(pool, dtype, affine(pool.prologue()));
  }

  private Problem conv(DType dtype) {
    Op.Conv conv = line.convolution();
    Shape filters = line.filters(conv);
    List<Shape> constants = new ArrayList<>(List.of(filters));
    constants.addAll(affine(conv.prologue()));
    if (conv.bias()) {
      constants.add(Shape.of(filters.dim(0)));
    }
    Problem problem = make(conv.withoutResidual(), dtype, constants);
    if (!conv.residual()) {
      return problem;
    }
    List<Operand> inputs = new ArrayList<>(problem.inputs());
    inputs.add(line.view("r", problem.output().shape(), dtype));
    return new Problem(conv, inputs, problem.output());
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
    inputs.add(line.view("x", x, dtype));
    boolean trained = line.flag("trained");
    constants.forEach(shape -> inputs.add(constant(shape, trained, dtype)));
    return new Problem(op, inputs, line.view("y", output(op, inputs), dtype));
  }

  private static Operand constant(Shape shape, boolean trained, DType dtype) {
    if (!trained) {
      return Operand.constant(shape);
    }
    return shape.rank() == 1 ? Operand.dense(shape) : Operand.filters(shape, dtype);
  }

  /** Several activations to y. */
  private Problem activations(Op op, DType dtype, List<Shape> shapes) {
    List<Operand> inputs = shapes.stream().map(shape -> line.view("x", shape, dtype)).toList();
    return new Problem(op, inputs, line.view("y", output(op, inputs), dtype));
  }

  private Shape output(Op op, List<Operand> inputs) {
    List<Value> values = new ArrayList<>();
    for (Operand input : inputs) {
      values.add(new Value(values.size(), "input", input.shape(), input.dtype(), input.layout()));
    }
    return ShapeInference.infer(line.toString(), op, values);
  }
}
