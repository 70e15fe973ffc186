package dev.catena.cli;

import dev.catena.WarmUp;
import dev.catena.report.Json;
import java.util.Map;
import java.util.Optional;

/**
 * One variant of a comparison.
 *
 * @param plannedBytes of the arena, as {@code lowerBoundBytes} and {@code measuredBytes} are
 * @param engines how many steps each engine computes
 */
record VariantResult(
    String name,
    long plannedBytes,
    long lowerBoundBytes,
    long measuredBytes,
    long weightsBytes,
    int launches,
    double medianMs,
    double minMs,
    double imagesPerS,
    @Json.Inline Agreement agreement,
    Optional<WarmUp> warmUp,
    @Json.Inline Optional<OfTraining> training,
    int rounds,
    double compileMs,
    Map<String, Integer> engines) {
  /**
   * The part that only a training step has.
   *
   * @param totalBytes planned: the arena, weights, momentum and gradients
   * @param measuredTotalBytes the same as the device's allocator counts it
   */
  record OfTraining(
      long optimizerBytes,
      long totalBytes,
      long measuredTotalBytes,
      double loss,
      double gradientNorm) {}

  /** Measured: the arena and what stays on the device between runs. */
  long wholeBytes() {
    return training.map(OfTraining::measuredTotalBytes).orElse(measuredBytes + weightsBytes);
  }
}
