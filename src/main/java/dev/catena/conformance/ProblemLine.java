package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A problem as a line of the lists: what {@link CaseParser} reads back. */
public final class ProblemLine {
  /** Axes of N,H,W,C. */
  private static final int ACTIVATION = 4;

  private final Problem problem;
  private final List<String> words = new ArrayList<>();

  private ProblemLine(Problem problem) {
    this.problem = problem;
  }

  /**
   * The line of {@code problem}; for an operation that the lists do not have, and for a step of
   * training, its own words and shapes.
   */
  public static String of(Problem problem) {
    ProblemLine line = new ProblemLine(problem);
    return line.words() ? String.join(" ", line.words) : line.description();
  }

  private boolean words() {
    Operand x = problem.input(0);
    if (problem.trains() || x.shape().rank() != ACTIVATION) {
      return false;
    }
    switch (problem.op()) {
      case Op.Conv conv when !conv.residual() -> conv(conv);
      case Op.Linear _ -> start("linear", "k=" + problem.output().shape().c());
      case Op.DenseLayer _ ->
          start(
              "dense-layer",
              "bottleneck=" + problem.input(3).shape().n(),
              "k=" + problem.output().shape().c());
      case Op.ScaleShift s -> start("scale-shift", flag("relu", s.relu()));
      case Op.Relu _ -> start("relu");
      case Op.Add a -> start("add", flag("relu", a.relu()));
      case Op.Pool pool -> pool(pool);
      case Op.GlobalAveragePool pool -> start("global-average", prologue(pool.prologue()));
      case Op.Concat _ -> start("concat", "channels=" + channels());
      case Op.Copy _ ->
          start("copy", option("to", problem.output().dtype().suffix(), x.dtype().suffix()));
      case Op.FromNchw _ -> start("from-nchw");
      case Op.ToNchw _ -> start("to-nchw");
      default -> {
        return false;
      }
    }
    view("x", x);
    view("y", problem.output());
    words.add("dtype=" + (x.layout() == Layout.NCHW ? problem.output() : x).dtype().suffix());
    words.add(flag("tf32", problem.tf32()));
    words.removeIf(String::isEmpty);
    return true;
  }

  private void start(String operation, String... options) {
    Shape x = problem.input(0).shape();
    words.add(operation);
    words.add(x.n() + "x" + x.h() + "x" + x.w() + "x" + x.c());
    words.addAll(List.of(options));
  }

  private void conv(Op.Conv conv) {
    start(
        "conv",
        "k=" + problem.output().shape().c(),
        option("kernel", conv.kernelH() + "x" + conv.kernelW(), "1x1"),
        option("stride", conv.stride(), 1),
        option("pad", conv.padH() + "x" + conv.padW(), "0x0"),
        option("groups", conv.groups(), 1),
        prologue(conv.prologue()),
        flag("bias", conv.bias()),
        flag("relu", conv.relu()));
  }

  private void pool(Op.Pool pool) {
    start(
        pool.kind() == Op.PoolKind.MAX ? "max-pool" : "average-pool",
        "kernel=" + pool.kernel(),
        option("stride", pool.stride(), pool.kernel()),
        option("pad", pool.pad(), 0),
        flag("ceil", pool.ceil()),
        flag("include-pad", pool.includePad()),
        prologue(pool.prologue()));
  }

  private String channels() {
    return problem.inputs().stream()
        .map(x -> String.valueOf(x.shape().c()))
        .collect(Collectors.joining(","));
  }

  private void view(String key, Operand operand) {
    if (operand.layout() == Layout.NHWC && !operand.isPacked()) {
      words.add(key + "=" + operand.firstChannel() + "/" + operand.pitch());
    }
  }

  private static String prologue(Op.Prologue prologue) {
    return option("prologue", prologue, Op.Prologue.NONE).toLowerCase(Locale.ROOT);
  }

  private static String option(String key, Object value, Object otherwise) {
    return value.equals(otherwise) ? "" : key + "=" + value;
  }

  private static String flag(String name, boolean on) {
    return on ? name : "";
  }

  private String description() {
    return problem.op()
        + " "
        + problem.operands().stream()
            .map(o -> o.shape() + " " + o.dtype() + " " + o.firstChannel() + "/" + o.pitch())
            .collect(Collectors.joining(", "))
        + (problem.tf32() ? " tf32" : "");
  }
}
