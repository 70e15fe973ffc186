package dev.catena;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;

/**
 * Options of a training run: length, learning rate, checkpoints. Immutable; each method gives a
 * changed copy.
 */
public final class Fit extends Options<Fit> {
  private static final double DROP = 0.1;

  private final long epochs;
  private final long steps;
  private float learningRate = 0.1f;
  private Schedule schedule = new Schedule.Constant();
  private boolean shuffled = true;
  private long seed;
  private int patience;
  private Optional<Path> save = Optional.empty();
  private long saveEvery;

  /** Hears of a run's progress, on the thread that trains. */
  public interface Listener {
    /** After every step. */
    default void step(Step step) throws IOException {}

    /** Asked after every step: whether the run shall be saved and end here. */
    default boolean isStopped() {
      return false;
    }

    /** After every epoch, and after the last step. */
    default void epoch(Epoch epoch) throws IOException {}
  }

  /**
   * A step.
   *
   * @param number from 0, over all epochs
   * @param epoch from 0
   * @param learningRate that it was made with
   * @param result what the trainer says of it
   * @param accuracy share of its images that were classified rightly, before the update
   * @param seconds it took, loading included
   */
  public record Step(
      long number,
      long epoch,
      float learningRate,
      StepResult result,
      double accuracy,
      double seconds) {}

  /**
   * An epoch, or what of it this run has made.
   *
   * @param number from 0
   * @param steps made in all
   * @param train mean over its steps
   * @param test after it; empty if there is nothing to test with
   * @param seconds its steps took
   */
  public record Epoch(
      long number, long steps, Evaluation train, Optional<Evaluation> test, double seconds) {}

  private Fit(long epochs, long steps) {
    this.epochs = epochs;
    this.steps = steps;
  }

  /**
   * So many times all images, at a constant learning rate of 0.1, shuffled by seed 0, without
   * checkpoints. Epochs before the run was resumed count.
   */
  public static Fit epochs(long count) {
    require(count >= 1, "a run has at least one epoch: " + count);
    return new Fit(count, 0);
  }

  /** The same for so many batches. */
  public static Fit steps(long count) {
    require(count >= 1, "a run has at least one step: " + count);
    return new Fit(0, count);
  }

  /** The learning rate, which the schedule changes. */
  public Fit learningRate(float rate) {
    require(rate > 0 && rate < Float.POSITIVE_INFINITY, "rate: " + rate);
    return with(to -> to.learningRate = rate);
  }

  /** Sets the schedule of the learning rate. */
  public Fit schedule(Schedule rates) {
    return with(to -> to.schedule = Objects.requireNonNull(rates, "schedule"));
  }

  /** A tenth of the learning rate from each of these shares of the run on, from 0 to 1. */
  public Fit dropAt(double... shares) {
    return schedule(new Schedule.Steps(Arrays.stream(shares).boxed().toList(), DROP));
  }

  /** Each epoch in an order of its own, drawn from {@code number}. */
  public Fit shuffled(long number) {
    return with(
        to -> {
          to.shuffled = true;
          to.seed = number;
        });
  }

  /** Images in the order in which they are stored. */
  public Fit unshuffled() {
    return with(to -> to.shuffled = false);
  }

  /** Stop after so many epochs without a better test accuracy; 0: never. */
  public Fit patience(int count) {
    require(count >= 0, "patience: " + count);
    return with(to -> to.patience = count);
  }

  /** A checkpoint in {@code file} after each epoch. */
  public Fit save(Path file) {
    return with(to -> to.save = Optional.of(file));
  }

  /** Checkpoints also after every so many steps; 0: only after each epoch. */
  public Fit saveEvery(long count) {
    require(count >= 0, "steps between checkpoints: " + count);
    return with(to -> to.saveEvery = count);
  }

  /** Steps of the whole run, where an epoch has {@code epochSteps}. */
  long allSteps(int epochSteps) {
    return steps > 0 ? steps : epochs * epochSteps;
  }

  /** The learning rate at {@code step} of {@code all}. */
  float rate(long step, long all) {
    return (float) (learningRate * schedule.factor(step, all));
  }

  /** The settings that all ranks of a run have in common. */
  String facts() {
    return String.join(
        " ", "" + epochs, "" + steps, "" + learningRate, "" + schedule, "" + patience);
  }

  boolean shuffled() {
    return shuffled;
  }

  long seed() {
    return seed;
  }

  int patience() {
    return patience;
  }

  Optional<Path> save() {
    return save;
  }

  long saveEvery() {
    return saveEvery;
  }
}
