package dev.catena.engine;

import java.util.Arrays;

/**
 * Device time of one engine on one problem.
 *
 * @param micros median in microseconds
 * @param least the fastest run in microseconds
 * @param spread half of what lies between the 10th and the 90th percentile, in microseconds
 * @param runs how many were measured
 */
public record Timing(double micros, double least, double spread, int runs) {
  /** Of single runs, in microseconds, in any order; at least one. */
  public static Timing of(double... micros) {
    double[] sorted = micros.clone();
    Arrays.sort(sorted);
    int last = sorted.length - 1;
    double low = sorted[(int) Math.round(0.1 * last)];
    double high = sorted[(int) Math.round(0.9 * last)];
    return new Timing(sorted[sorted.length / 2], sorted[0], (high - low) / 2, sorted.length);
  }

  /** True if {@code other} is faster by more than the noise of both. */
  public boolean slowerThan(Timing other) {
    return micros - other.micros > spread + other.spread;
  }
}
