package dev.catena.conformance;

import dev.catena.engine.Operand;
import dev.catena.graph.BinaryFunction;
import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.Optional;

/** A result beside its reference. */
final class Comparison {
  /**
   * A reference with fewer values that are not zero would let a kernel pass that computes nothing.
   */
  private static final double LEAST_NONZERO = 0.1;

  private final Case one;
  private final Operand operand;
  private final double[] got;
  private final double[] reference;

  private Comparison(Case one, Operand operand, double[] got, double[] reference) {
    this.one = one;
    this.operand = operand;
    this.got = got;
    this.reference = reference;
  }

  /** What is wrong with {@code got}, the output; empty if nothing. */
  static Optional<String> difference(Case one, double[] got, double[] reference) {
    return difference(one, one.problem().output(), got, reference);
  }

  /** The same of any output. */
  static Optional<String> difference(Case one, Operand operand, double[] got, double[] reference) {
    return new Comparison(one, operand, got, reference).difference();
  }

  private Optional<String> difference() {
    long nonzero = 0;
    for (double value : reference) {
      nonzero += value != 0 ? 1 : 0;
    }
    if (nonzero < LEAST_NONZERO * reference.length) {
      return Optional.of(
          "the test itself: only %d of %d expected values are not zero"
              .formatted(nonzero, reference.length));
    }
    return (one.data().exact() && !divides()) || moves() ? bits() : reals();
  }

  /** The statistics of exact values are quotients. */
  private boolean divides() {
    if (one.problem().op() instanceof Op.Binary binary) {
      return binary.function() == BinaryFunction.DIV || binary.function() == BinaryFunction.POW;
    }
    if (one.problem().op() instanceof Op.Softmax || one.problem().op() instanceof Op.Norm) {
      return true;
    }
    return one.problem().op() instanceof TrainingOp.ConvStatistics
        && !operand.equals(one.problem().output());
  }

  /** Operations that only move or convert are exact for any numbers. */
  private boolean moves() {
    return switch (one.problem().op()) {
      case Op.Copy _, Op.Concat _, Op.FromNchw _, Op.ToNchw _, Op.Relu _ -> true;
      case Op.PadChannels _, Op.Flatten _, Op.Arrange _ -> true;
      default -> false;
    };
  }

  private Optional<String> bits() {
    DType dtype = operand.dtype();
    int wrong = 0;
    int first = -1;
    for (int i = 0; i < got.length; i++) {
      double expected = dtype.round((float) reference[i]);
      if (got[i] != expected && !(Double.isNaN(got[i]) && Double.isNaN(expected))) {
        first = wrong++ == 0 ? i : first;
      }
    }
    return wrong == 0 ? Optional.empty() : Optional.of(report(wrong, first, "differ"));
  }

  private Optional<String> reals() {
    DType dtype = operand.dtype();
    boolean tf32 = one.problem().tf32() && !one.data().exact();
    Tolerance tolerance = (tf32 ? Tolerance.tf32() : Tolerance.of(computed())).of(terms());
    int wrong = 0;
    int first = -1;
    double error = 0;
    double power = 0;
    for (int i = 0; i < got.length; i++) {
      double expected = reference[i];
      if (!Double.isFinite(expected) || !Double.isFinite(dtype.round((float) expected))) {
        if (Double.compare(got[i], dtype.round((float) expected)) != 0) {
          first = wrong++ == 0 ? i : first;
        }
        continue;
      }
      if (!tolerance.allows(got[i], expected)) {
        first = wrong++ == 0 ? i : first;
      }
      error += (got[i] - expected) * (got[i] - expected);
      power += expected * expected;
    }
    if (wrong > 0) {
      return Optional.of(report(wrong, first, "are out of tolerance"));
    }
    return error <= tolerance.meanSquare() * power
        ? Optional.empty()
        : Optional.of(
            "normalised mean square error %.2g, allowed %.2g"
                .formatted(error / power, tolerance.meanSquare()));
  }

  /** What the result is rounded to on its way: matrix kernels round what a prologue makes. */
  private DType computed() {
    if (one.problem().op() instanceof TrainingOp.ConvStatistics && !one.data().exact()) {
      return one.problem().output().dtype();
    }
    return one.problem().op() instanceof TrainingOp.ConvWgrad w
            && w.conv().prologue() != Op.Prologue.NONE
        ? one.problem().input(0).dtype()
        : operand.dtype();
  }

  /** Terms of the sum that each value is, where they do not get smaller as they get more. */
  private long terms() {
    return one.problem().op() instanceof TrainingOp.ConvWgrad
        ? one.problem().input(0).shape().pixels()
        : 1;
  }

  private String report(int wrong, int first, String what) {
    return "%d of %d values %s; first at %s: %s, expected %s"
        .formatted(
            wrong,
            got.length,
            what,
            place(first),
            (float) got[first],
            operand.dtype().round((float) reference[first]));
  }

  private String place(int index) {
    Shape shape = operand.shape();
    if (operand.layout() != Layout.NHWC && operand.layout() != Layout.NCHW) {
      return "index " + index + " of " + shape;
    }
    int pixel = index / shape.c();
    return "(n=%d,h=%d,w=%d,c=%d)"
        .formatted(
            pixel / shape.w() / shape.h(),
            pixel / shape.w() % shape.h(),
            pixel % shape.w(),
            index % shape.c());
  }
}
