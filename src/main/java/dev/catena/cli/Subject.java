package dev.catena.cli;

import dev.catena.StepTime;
import dev.catena.plan.MemoryPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/** What a comparison runs: a network compiled for inference, or for training. */
interface Subject extends AutoCloseable {
  /** Normally distributed pixels, as after the usual normalisation. */
  static MemorySegment images(long elements, long seed, Arena arena) {
    MemorySegment images = arena.allocate(elements * Float.BYTES, 64);
    SplittableRandom random = new SplittableRandom(seed);
    for (long i = 0; i < elements; i++) {
      images.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return images;
  }

  MemoryPlan plan();

  /** Bytes of the arena, as the device's allocator counts them. */
  long measuredBytes();

  long weightBytes();

  int launches();

  /** Images of a run. */
  int batch();

  /** {@code step: engine}, in order. */
  List<String> engines();

  /** One run on the comparison's images. */
  void run();

  /** What the last run computed, to be compared. */
  float[] result();

  /** The first step whose output on the comparison's images is not finite. */
  Optional<String> firstNonFinite();

  /** Bytes that stay on the device between runs, by owner. */
  Map<String, Long> resident();

  /** Times of the layers on the comparison's images: medians of so many rounds. */
  List<StepTime> profile(int rounds);

  /** What else the report says. */
  Map<String, Object> more();

  @Override
  void close();
}
