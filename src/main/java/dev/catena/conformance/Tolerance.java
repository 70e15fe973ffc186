package dev.catena.conformance;

import dev.catena.graph.DType;

/**
 * How far a result of reals may be from the fp64 reference.
 *
 * @param absolute of each value, plus
 * @param relative times the reference's magnitude
 * @param meanSquare of all differences, divided by the mean square of the reference
 */
record Tolerance(double absolute, double relative, double meanSquare) {
  /** Of TF32: fp16 has as many bits of mantissa. */
  static Tolerance tf32() {
    return of(DType.FP16);
  }

  static Tolerance of(DType dtype) {
    return switch (dtype) {
      case FP32 -> new Tolerance(1e-5, 1e-4, 1e-11);
      case FP16 -> new Tolerance(2.5e-3, 1e-3, 1e-6);
      case BF16 -> new Tolerance(2e-2, 1e-2, 5e-5);
    };
  }

  /** The same for a sum of {@code terms} values of the size of one. */
  Tolerance of(long terms) {
    return new Tolerance(absolute * Math.sqrt((double) terms), relative, meanSquare);
  }

  boolean allows(double got, double expected) {
    return Math.abs(got - expected) <= absolute + relative * Math.abs(expected);
  }
}
