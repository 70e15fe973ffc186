package dev.catena;

import dev.catena.io.Preprocessing;
import dev.catena.rewrite.Pipeline;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;

/** Options to compile a model for inference. Immutable; each method gives a changed copy. */
public final class Inference extends CompileOptions<Inference> {
  private final List<Integer> batches;
  private Pipeline pipeline = Variant.FUSED.pipeline();
  private boolean adapt = true;
  private int lanes = 1;
  private Optional<Preprocessing> preprocessing = Optional.empty();
  private Supplier<Optional<Preprocessing>> other = Optional::empty;
  private List<String> names = List.of();

  private Inference(List<Integer> batches) {
    this.batches = batches;
    require(
        !batches.isEmpty() && batches.getFirst() >= 1,
        "a batch has at least one image: " + batches);
  }

  /**
   * Programs for up to so many images each, fp32 without TF32, fused, one lane. A run takes the
   * smallest program that fits.
   */
  public static Inference batch(int... images) {
    return new Inference(Arrays.stream(images).distinct().sorted().boxed().toList());
  }

  /** The rewrites of a variant; only the fused one is adapted to the device. */
  public Inference variant(Variant variant) {
    return with(
        to -> {
          to.pipeline = variant.pipeline();
          to.adapt = variant == Variant.FUSED;
        });
  }

  /** These rewrites, for benchmarks. */
  @SuppressWarnings("exports") // Rewrites are internal.
  public Inference pipeline(Pipeline rewrites) {
    return with(to -> to.pipeline = Objects.requireNonNull(rewrites, "pipeline"));
  }

  /** So many runs at once, each with memory of its own. */
  public Inference lanes(int count) {
    require(count >= 1, "a session has at least one lane: " + count);
    return with(to -> to.lanes = count);
  }

  /** With this preparation of pictures where none was set. */
  Inference otherwise(Supplier<Optional<Preprocessing>> how) {
    return with(to -> to.other = how);
  }

  /**
   * Sets the preparation of pictures; without it, that of a file beside the weights, or that of
   * ImageNet's models.
   */
  public Inference preprocessing(Preprocessing how) {
    return with(to -> to.preprocessing = Optional.of(how));
  }

  /** Names of the classes, in the order of the network's outputs. */
  public Inference names(List<String> ofClasses) {
    List<String> all = List.copyOf(ofClasses);
    return with(to -> to.names = all);
  }

  /** Images of each program, ascending. */
  public List<Integer> batches() {
    return batches;
  }

  Pipeline pipeline() {
    return pipeline;
  }

  /**
   * True if the graph is adapted to batch and device: the stem in slices of the batch where that
   * saves memory, a layer in one launch where the device has a kernel for it.
   */
  boolean adapt() {
    return adapt;
  }

  int lanes() {
    return lanes;
  }

  /** The preparation of pictures for a network that takes {@code size} pixels. */
  Preprocessing preprocessing(int size) {
    return preprocessing.or(other).orElseGet(() -> Preprocessing.imageNet(size));
  }

  List<String> names() {
    return names;
  }
}
