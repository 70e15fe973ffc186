package dev.catena;

import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.io.datasets.Normalization;
import dev.catena.rewrite.AugmentInput;
import dev.catena.rewrite.Freeze;
import dev.catena.rewrite.LowerTraining;
import dev.catena.rewrite.Rewrite;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Options to train a model by stochastic gradient descent with momentum, as torch.optim.SGD has it;
 * activations in {@link #dtype}, weights, momentum and gradients in fp32. Immutable; each method
 * gives a changed copy.
 */
public final class Training extends CompileOptions<Training> {
  private final int batch;
  private Policy policy = Policy.FUSED;
  private float momentum = 0.9f;
  private boolean nesterov;
  private float weightDecay;
  private float smoothing;
  private float runningMomentum = 0.1f;
  private long seed;
  private boolean synchronised;
  private Optional<AugmentInput> entry = Optional.empty();
  private Freeze frozen = new Freeze(List.of());

  private Training(int batch) {
    this.batch = batch;
    require(batch >= 1, "a batch has at least one image: " + batch);
  }

  /** So many images a step, fp32 without TF32, fused, momentum 0.9, no weight decay, seed 0. */
  public static Training batch(int images) {
    return new Training(images);
  }

  /** Keep for the backward pass what {@code kept} says. */
  public Training policy(Policy kept) {
    return with(to -> to.policy = Objects.requireNonNull(kept, "policy"));
  }

  /** This share of the last step's velocity in the next one's; 0 for none. */
  public Training momentum(float share) {
    require(share >= 0 && share < 1, "momentum is in [0, 1): " + share);
    require(!nesterov || share > 0, "Nesterov's step needs momentum");
    return with(to -> to.momentum = share);
  }

  /** Looks ahead along the velocity, after Nesterov; needs momentum. */
  public Training nesterov(boolean ahead) {
    require(!ahead || momentum > 0, "Nesterov's step needs momentum");
    return with(to -> to.nesterov = ahead);
  }

  /** Adds this factor times each parameter to its gradient, for all trainable parameters. */
  public Training weightDecay(float decay) {
    require(decay >= 0, "weight decay is not negative: " + decay);
    return with(to -> to.weightDecay = decay);
  }

  /** Labels smoothed by {@code epsilon}. */
  public Training smoothing(float epsilon) {
    require(epsilon >= 0 && epsilon < 1, "label smoothing is in [0, 1): " + epsilon);
    return with(to -> to.smoothing = epsilon);
  }

  /** This share of a batch in the running statistics. */
  public Training runningMomentum(float share) {
    require(share >= 0 && share <= 1, "the momentum of running statistics is in [0, 1]: " + share);
    return with(to -> to.runningMomentum = share);
  }

  /** Dropout and augmentation drawn from {@code number}, below 2^48. */
  public Training seed(long number) {
    require(number >= 0 && number < 1L << 48, "a seed is at least 0 and below 2^48: " + number);
    return with(to -> to.seed = number);
  }

  /**
   * Whether batch normalisation of several ranks takes the statistics of the whole batch, so that
   * they train as one rank would. It waits for all ranks twice a normalisation; if nothing is said
   * each rank normalises by its own images.
   */
  public Training synchronised(boolean over) {
    return with(to -> to.synchronised = over);
  }

  /**
   * Images normalised on the device, cropped at random from a black frame, and mirrored at random.
   *
   * @param normalization of the stored values, as a data set has it
   * @param padding pixels of the frame; 0: no crops
   * @param mirrored whether half of the images are
   */
  public Training augment(Normalization normalization, int padding, boolean mirrored) {
    return with(
        to ->
            to.entry =
                Optional.of(
                    new AugmentInput(
                        padding, mirrored, normalization.mean(), normalization.scale())));
  }

  /**
   * Parameters that stay as they are, with the statistics of their normalisations.
   *
   * @param patterns names of parameters, or of layers and blocks for all of theirs, with {@code *}
   *     for any text; {@code features} is all but the classifier where no block has that name; none
   *     to train all
   */
  public Training freeze(String... patterns) {
    return with(to -> to.frozen = new Freeze(List.of(patterns)));
  }

  /** Images of a step, those of all ranks. */
  public int batch() {
    return batch;
  }

  /** The policy of what is kept for the backward pass. */
  public Policy policy() {
    return policy;
  }

  /** The seed of dropout and augmentation. */
  public long seed() {
    return seed;
  }

  boolean synchronised() {
    return synchronised;
  }

  /** What all ranks of a run have in common, by what it is called. */
  Map<String, Object> facts() {
    Map<String, Object> facts = new HashMap<>();
    facts.put("batch", batch);
    facts.put("type", precision());
    facts.put("policy", policy);
    facts.put("momentum", momentum + " " + nesterov);
    facts.put("weight decay", weightDecay);
    facts.put("label smoothing", smoothing);
    facts.put("seed", seed);
    facts.put("statistics", synchronised + " " + runningMomentum);
    facts.put("augmentation", entry);
    return facts;
  }

  float momentum() {
    return momentum;
  }

  boolean nesterov() {
    return nesterov;
  }

  float weightDecay() {
    return weightDecay;
  }

  Optional<AugmentInput> entry() {
    return entry;
  }

  /** Options to compile the network that tests what was trained. */
  Inference inference() {
    Inference same = Inference.batch(batch).image(height(), width());
    return same.with(
        to -> {
          to.precision = precision();
          to.engine = engine();
          to.tuning = tuning();
        });
  }

  /** The network for one image, with frozen parameters. */
  Graph network(GraphSource source) {
    return frozen.apply(source.graph(1, height(), width(), DType.FP32));
  }

  /** The graph of a step of {@code batch} images, forward and backward, for any device. */
  Graph step(GraphSource source, int images) {
    return step(source, images, graph -> graph);
  }

  /** The same, adapted to a device. */
  Graph step(GraphSource source, int images, Rewrite adapt) {
    Graph network = frozen.apply(source.graph(images, height(), width(), dtype()));
    LowerTraining lowering =
        new LowerTraining(runningMomentum, smoothing, synchronised ? batch : 0);
    Graph step = policy.step(network, lowering, adapt);
    return entry.map(rewrite -> rewrite.apply(step)).orElse(step);
  }
}
