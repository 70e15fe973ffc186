package dev.catena;

import dev.catena.graph.DType;
import dev.catena.rewrite.Pipeline;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * How a model is compiled for inference. Immutable; each method gives a changed copy.
 *
 * @param batches images of each program, ascending; a run takes the smallest that fits
 * @param dtype in which activations and filters are stored
 * @param tf32 whether products in fp32 may be of factors rounded to TF32, ten bits of mantissa, as
 *     tensor cores want it; the host has nothing faster for it
 * @param height of an image, or 0 for the model's own
 * @param width of an image, or 0 for the model's own
 * @param pipeline the rewrites
 * @param adapt whether the graph is adapted to batch and device: the stem in slices of the batch
 *     where that saves memory, a layer in one launch where the device has a kernel for it
 * @param lanes runs that may be under way at once, each with memory of its own
 * @param engine the one that does all it can, for comparison
 * @param tuning where measured choices are kept; without it the engines' order of preference
 *     decides
 */
public record Inference(
    List<Integer> batches,
    DType dtype,
    boolean tf32,
    int height,
    int width,
    Pipeline pipeline,
    boolean adapt,
    int lanes,
    Optional<String> engine,
    Optional<Path> tuning) {
  public Inference {
    Objects.requireNonNull(dtype, "dtype");
    Objects.requireNonNull(pipeline, "pipeline");
    Objects.requireNonNull(engine, "engine");
    Objects.requireNonNull(tuning, "tuning");
    batches = batches.stream().distinct().sorted().toList();
    if (batches.isEmpty() || batches.getFirst() < 1) {
      throw new IllegalArgumentException("a batch has at least one image: " + batches);
    }
    if (lanes < 1) {
      throw new IllegalArgumentException("a session has at least one lane: " + lanes);
    }
    if (height < 0 || width < 0 || (height == 0) != (width == 0)) {
      throw new IllegalArgumentException("not the size of an image: " + height + "x" + width);
    }
  }

  /** Programs for up to so many images each, fp32 without TF32, fused, one lane. */
  public static Inference batch(int... images) {
    return new Inference(
        Arrays.stream(images).boxed().toList(),
        DType.FP32,
        false,
        0,
        0,
        Variant.FUSED.pipeline(),
        true,
        1,
        Optional.empty(),
        Optional.empty());
  }

  /** Activations and filters in {@code type}. */
  public Inference dtype(DType type) {
    return new Inference(
        batches, type, tf32, height, width, pipeline, adapt, lanes, engine, tuning);
  }

  /** Factors of fp32 products rounded to TF32 where that is faster. */
  public Inference tf32(boolean allowed) {
    return new Inference(
        batches, dtype, allowed, height, width, pipeline, adapt, lanes, engine, tuning);
  }

  /** Images of this size in pixels instead of the model's own. */
  public Inference image(int imageHeight, int imageWidth) {
    return new Inference(
        batches, dtype, tf32, imageHeight, imageWidth, pipeline, adapt, lanes, engine, tuning);
  }

  /** The rewrites of a variant; only the fused one is adapted to the device. */
  public Inference variant(Variant variant) {
    return new Inference(
        batches,
        dtype,
        tf32,
        height,
        width,
        variant.pipeline(),
        variant == Variant.FUSED,
        lanes,
        engine,
        tuning);
  }

  /** These rewrites. */
  public Inference pipeline(Pipeline rewrites) {
    return new Inference(
        batches, dtype, tf32, height, width, rewrites, adapt, lanes, engine, tuning);
  }

  /** So many runs at once. */
  public Inference lanes(int count) {
    return new Inference(
        batches, dtype, tf32, height, width, pipeline, adapt, count, engine, tuning);
  }

  /** The named engine wherever it can. */
  public Inference engine(String name) {
    return new Inference(
        batches, dtype, tf32, height, width, pipeline, adapt, lanes, Optional.of(name), tuning);
  }

  /** Measure engines that compete, and keep the choices in {@code folder}. */
  public Inference tuned(Path folder) {
    return new Inference(
        batches, dtype, tf32, height, width, pipeline, adapt, lanes, engine, Optional.of(folder));
  }
}
