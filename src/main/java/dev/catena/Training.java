package dev.catena;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.rewrite.AugmentInput;
import dev.catena.rewrite.LowerTraining;
import dev.catena.rewrite.Rewrite;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How a model is trained: stochastic gradient descent with momentum, as torch.optim.SGD has it.
 * Immutable; each method gives a changed copy.
 *
 * @param batch images of a step
 * @param dtype in which activations are stored; weights, momentum and gradients are fp32
 * @param tf32 whether products in fp32 may be of factors rounded to TF32, as {@link Inference#tf32}
 * @param height of an image, or 0 for the model's own
 * @param width of an image, or 0 for the model's own
 * @param policy what is kept for the backward pass
 * @param momentum share of the last step's velocity in this one's
 * @param nesterov whether a step looks ahead along its velocity
 * @param weightDecay added to a gradient, times the parameter, for all trainable parameters
 * @param smoothing ε of the labels
 * @param runningMomentum share of a batch in the running statistics
 * @param seed of dropout and augmentation, below 2^48
 * @param entry what is done to images where they enter; nothing if empty
 * @param engine the one that does all it can, for comparison
 * @param tuning where measured choices are kept; without it the engines' order of preference
 *     decides
 */
public record Training(
    int batch,
    DType dtype,
    boolean tf32,
    int height,
    int width,
    Policy policy,
    float momentum,
    boolean nesterov,
    float weightDecay,
    float smoothing,
    float runningMomentum,
    long seed,
    Optional<AugmentInput> entry,
    Optional<String> engine,
    Optional<Path> tuning) {
  public Training {
    Objects.requireNonNull(dtype, "dtype");
    Objects.requireNonNull(policy, "policy");
    Objects.requireNonNull(entry, "entry");
    Objects.requireNonNull(engine, "engine");
    Objects.requireNonNull(tuning, "tuning");
    require(batch >= 1, "a batch has at least one image: " + batch);
    require(
        height >= 0 && width >= 0 && (height == 0) == (width == 0),
        "not the size of an image: " + height + "x" + width);
    require(momentum >= 0 && momentum < 1, "momentum is in [0, 1): " + momentum);
    require(!nesterov || momentum > 0, "Nesterov's step needs momentum");
    require(weightDecay >= 0, "weight decay is not negative: " + weightDecay);
    require(smoothing >= 0 && smoothing < 1, "label smoothing is in [0, 1): " + smoothing);
    require(
        runningMomentum >= 0 && runningMomentum <= 1,
        "the momentum of running statistics is in [0, 1]: " + runningMomentum);
    require(seed >= 0 && seed < 1L << 48, "a seed is at least 0 and below 2^48: " + seed);
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  /** So many images a step, fp32 without TF32, fused, momentum 0.9, no weight decay, seed 0. */
  public static Training batch(int images) {
    return new Training(
        images,
        DType.FP32,
        false,
        0,
        0,
        Policy.FUSED,
        0.9f,
        false,
        0,
        0,
        0.1f,
        0,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** Activations in {@code type}. */
  public Training dtype(DType type) {
    return with(to -> to.dtype = type);
  }

  /** Factors of fp32 products rounded to TF32 where that is faster. */
  public Training tf32(boolean allowed) {
    return with(to -> to.tf32 = allowed);
  }

  /** Images of this size in pixels instead of the model's own. */
  public Training image(int imageHeight, int imageWidth) {
    return with(
        to -> {
          to.height = imageHeight;
          to.width = imageWidth;
        });
  }

  /** Keep what {@code kept} says. */
  public Training policy(Policy kept) {
    return with(to -> to.policy = kept);
  }

  /** This momentum; 0 for none. */
  public Training momentum(float share) {
    return with(to -> to.momentum = share);
  }

  /** Whether a step looks ahead along its velocity, after Nesterov. */
  public Training nesterov(boolean ahead) {
    return with(to -> to.nesterov = ahead);
  }

  /** This weight decay. */
  public Training weightDecay(float decay) {
    return with(to -> to.weightDecay = decay);
  }

  /** Labels smoothed by {@code epsilon}. */
  public Training smoothing(float epsilon) {
    return with(to -> to.smoothing = epsilon);
  }

  /** This share of a batch in the running statistics. */
  public Training runningMomentum(float share) {
    return with(to -> to.runningMomentum = share);
  }

  /** Dropout and augmentation drawn from {@code number}. */
  public Training seed(long number) {
    return with(to -> to.seed = number);
  }

  /** Images normalised, and perhaps augmented, on the device. */
  public Training entry(AugmentInput rewrite) {
    return with(to -> to.entry = Optional.of(rewrite));
  }

  /** The named engine wherever it can. */
  public Training engine(String name) {
    return with(to -> to.engine = Optional.of(name));
  }

  /**
   * Measure engines that compete, and keep the choices in {@code folder}. They sum in orders of
   * their own: the same choices give the same bits, step by step; choices measured anew, on another
   * machine or for another version, may not, nor need they be those of training without measuring.
   */
  public Training tuned(Path folder) {
    return with(to -> to.tuning = Optional.of(folder));
  }

  /** The graph of a step of {@code batch} images, forward and backward, for any device. */
  Graph step(GraphSource source, int images) {
    return step(source, images, graph -> graph);
  }

  /** The same, adapted to a device. */
  Graph step(GraphSource source, int images, Rewrite adapt) {
    Graph network = source.graph(images, height, width, dtype);
    Graph step = policy.step(network, new LowerTraining(runningMomentum, smoothing), adapt);
    return entry.map(rewrite -> rewrite.apply(step)).orElse(step);
  }

  private Training with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.training();
  }

  /** A copy under change. */
  private static final class Draft {
    int batch;
    DType dtype;
    boolean tf32;
    int height;
    int width;
    Policy policy;
    float momentum;
    boolean nesterov;
    float weightDecay;
    float smoothing;
    float runningMomentum;
    long seed;
    Optional<AugmentInput> entry;
    Optional<String> engine;
    Optional<Path> tuning;

    Draft(Training from) {
      batch = from.batch;
      dtype = from.dtype;
      tf32 = from.tf32;
      height = from.height;
      width = from.width;
      policy = from.policy;
      momentum = from.momentum;
      nesterov = from.nesterov;
      weightDecay = from.weightDecay;
      smoothing = from.smoothing;
      runningMomentum = from.runningMomentum;
      seed = from.seed;
      entry = from.entry;
      engine = from.engine;
      tuning = from.tuning;
    }

    Training training() {
      return new Training(
          batch,
          dtype,
          tf32,
          height,
          width,
          policy,
          momentum,
          nesterov,
          weightDecay,
          smoothing,
          runningMomentum,
          seed,
          entry,
          engine,
          tuning);
    }
  }
}
