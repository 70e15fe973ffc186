package dev.catena.engine;

import dev.catena.graph.DType;
import dev.catena.graph.Layout;
import dev.catena.graph.Op;
import dev.catena.graph.Precision;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.util.List;
import java.util.stream.Stream;

/**
 * An operation with the shapes, types and views of its operands: what an engine is asked about, the
 * tuner measures and the conformance suite lists.
 *
 * @param op what to compute
 * @param inputs in the order of {@link Op}
 * @param outputs in the order of {@link Op}; most operations have one
 * @param tf32 whether products in fp32 may be of factors rounded to TF32, to ten bits of mantissa
 */
public record Problem(Op op, List<Operand> inputs, List<Operand> outputs, boolean tf32) {
  public Problem {
    inputs = List.copyOf(inputs);
    outputs = List.copyOf(outputs);
  }

  /** A problem in its operands' full precision. */
  public Problem(Op op, List<Operand> inputs, List<Operand> outputs) {
    this(op, inputs, outputs, false);
  }

  /** The same with one output. */
  public Problem(Op op, List<Operand> inputs, Operand output) {
    this(op, inputs, List.of(output));
  }

  /** The same with or without the permission of TF32, which only a problem in fp32 has. */
  public Problem withTf32(boolean allowed) {
    boolean single = input(0).dtype() == DType.FP32 && output().dtype() == DType.FP32;
    return new Problem(op, inputs, outputs, allowed && single);
  }

  /** Of its first input and its products. */
  public Precision precision() {
    return Precision.of(input(0).dtype(), tf32);
  }

  /** A part of this problem, with its permission of TF32. */
  public Problem part(Op partOp, List<Operand> partInputs, Operand partOutput) {
    return new Problem(partOp, partInputs, partOutput).withTf32(tf32);
  }

  /**
   * The same of fewer images, if it has more pixels than {@code least} and these can be cut into
   * equal parts of {@code multiple} images or a power of two as many.
   */
  public Problem withFewImages(int multiple, long least) {
    Shape shape = input(0).shape();
    if (!input(0).isActivation()) {
      return this;
    }
    int images = multiple;
    while (images * (shape.pixels() / shape.n()) < least) {
      images *= 2;
    }
    if (shape.n() <= images || shape.n() % images != 0) {
      return this;
    }
    int few = images;
    return new Problem(
        op,
        inputs.stream().map(x -> x.withImages(shape.n(), few)).toList(),
        outputs.stream().map(y -> y.withImages(shape.n(), few)).toList(),
        tf32);
  }

  /**
   * What it has in common with problems that the same engine computes fastest: its operation, the
   * extents of its results, and of the elements of its inputs the two leading binary digits.
   */
  String kind() {
    long elements = inputs.stream().mapToLong(x -> x.shape().elements()).sum();
    long digit = Long.highestOneBit(elements);
    return "%s to %s from %d elements or more, %s, tf32=%s"
        .formatted(
            op,
            outputs.stream().map(Problem::extents).toList(),
            digit + (elements & digit >> 1),
            form(input(0)),
            tf32);
  }

  private static String extents(Operand operand) {
    return operand.shape() + " " + form(operand);
  }

  private static String form(Operand operand) {
    return operand.dtype() + (operand.isDense() ? "" : " in a view");
  }

  /** The input at {@code index}. */
  public Operand input(int index) {
    return inputs.get(index);
  }

  /** The first output. */
  public Operand output() {
    return outputs.getFirst();
  }

  /** The output at {@code index}. */
  public Operand output(int index) {
    return outputs.get(index);
  }

  /** The inputs, then the outputs. */
  public List<Operand> operands() {
    return Stream.concat(inputs.stream(), outputs.stream()).toList();
  }

  /** Why a kernel of a training step computes no transposed convolution. */
  public static final String CONSTANT_FILTERS = "filters that no training step changes";

  /**
   * Whether it is part of a training step: weights or vectors over channels change on the device
   * from step to step, so nobody can pack them beforehand.
   */
  public boolean trains() {
    return op instanceof TrainingOp || inputs.stream().anyMatch(Problem::changes);
  }

  private static boolean changes(Operand input) {
    return input.layout() == Layout.FILTERS || input.layout() == Layout.DENSE;
  }
}
