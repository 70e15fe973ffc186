package dev.catena.cli;

import dev.catena.StepEngine;
import dev.catena.StepTime;
import dev.catena.WarmUp;
import dev.catena.plan.MemoryPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/** A network compiled for inference or for training, with the images that a comparison gives it. */
interface ComparedRun extends AutoCloseable {
  /**
   * Facts that are known before the first run.
   *
   * @param measuredBytes of the arena, as the device's allocator counts them
   * @param resident bytes that stay on the device between runs, by owner
   */
  record Compiled(
      MemoryPlan plan,
      long measuredBytes,
      long weightBytes,
      int launches,
      int batch,
      List<StepEngine> engines,
      Map<String, Long> resident,
      Optional<WarmUp> warmUp) {}

  /** Normally distributed pixels, as after the usual normalisation. */
  static MemorySegment images(long elements, long seed, Arena arena) {
    MemorySegment images = arena.allocate(elements * Float.BYTES, 64);
    SplittableRandom random = new SplittableRandom(seed);
    for (long i = 0; i < elements; i++) {
      images.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return images;
  }

  Compiled compiled();

  /** Runs once on the comparison's images. */
  void run();

  /** The numbers that the last run computed, to be compared. */
  float[] result();

  /** The report of the last run if it was a training step. */
  default Optional<VariantResult.OfTraining> training() {
    return Optional.empty();
  }

  /** The first step whose output on the comparison's images is not finite. */
  Optional<String> firstNonFinite();

  /** Times of the layers on the comparison's images: medians of so many rounds. */
  List<StepTime> profile(int rounds);

  @Override
  void close();
}
