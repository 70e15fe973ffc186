package dev.catena.cli;

import dev.catena.graph.DType;

/**
 * The distance of a result from a reference.
 *
 * @param maxAbsDiff the largest difference; NaN if a value is
 * @param maxRelDiff that, of the reference's largest magnitude
 */
record Agreement(double maxAbsDiff, double maxRelDiff) {
  /** The distance of two results of equal length. */
  static Agreement of(float[] reference, float[] values) {
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < values.length; i++) {
      largest = Math.max(largest, Math.abs((double) reference[i]));
      difference = Math.max(difference, Math.abs((double) values[i] - reference[i])); // keeps NaN
    }
    return new Agreement(difference, difference == 0 ? 0 : difference / largest);
  }

  /** True if it is near enough; never if it is not finite. */
  boolean within(double tolerance) {
    return maxRelDiff <= tolerance; // not if NaN
  }

  /**
   * The tolerance, as a share of the largest output; rounding of the stored activations grows with
   * depth.
   */
  static double tolerance(DType dtype) {
    return switch (dtype) {
      case FP32 -> 1e-4;
      case FP16 -> 2e-2;
      case BF16 -> 1e-1;
    };
  }

  /**
   * The same of gradients, where rounding decides on which side of a ReLU's kink a value lies: so
   * they differ among correct implementations too.
   */
  static double gradientTolerance(DType dtype) {
    return switch (dtype) {
      case FP32 -> 5e-3;
      case FP16 -> 1e-1;
      case BF16 -> 3e-1;
    };
  }
}
