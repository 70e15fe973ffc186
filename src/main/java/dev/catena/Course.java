package dev.catena;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * How a {@link TrainingRun} goes. Immutable; each method gives a changed copy.
 *
 * @param steps of the whole run, those before it was resumed included
 * @param learningRate that the schedule changes
 * @param schedule of the learning rate
 * @param shuffled whether each epoch has an order of its own
 * @param seed of that order
 * @param patience epochs without a better test accuracy after which it stops; 0: never
 * @param save where checkpoints go; without it there are none
 * @param saveEvery steps between checkpoints besides those after each epoch; 0: none besides
 */
public record Course(
    long steps,
    float learningRate,
    Schedule schedule,
    boolean shuffled,
    long seed,
    int patience,
    Optional<Path> save,
    long saveEvery) {
  /** Checks the numbers. */
  public Course {
    Objects.requireNonNull(schedule, "schedule");
    Objects.requireNonNull(save, "save");
    require(steps >= 1, "a run has at least one step: " + steps);
    require(learningRate > 0 && learningRate < Float.POSITIVE_INFINITY, "rate: " + learningRate);
    require(patience >= 0, "patience: " + patience);
    require(saveEvery >= 0, "steps between checkpoints: " + saveEvery);
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  /** So many steps at a constant rate, shuffled by seed 0, without checkpoints. */
  public static Course steps(long count, float learningRate) {
    return new Course(
        count, learningRate, new Schedule.Constant(), true, 0, 0, Optional.empty(), 0);
  }

  /** With this schedule. */
  public Course schedule(Schedule rates) {
    return new Course(steps, learningRate, rates, shuffled, seed, patience, save, saveEvery);
  }

  /** Shuffled by {@code number}. */
  public Course shuffled(long number) {
    return new Course(steps, learningRate, schedule, true, number, patience, save, saveEvery);
  }

  /** In the order in which the images are stored. */
  public Course unshuffled() {
    return new Course(steps, learningRate, schedule, false, seed, patience, save, saveEvery);
  }

  /** Stopping after so many epochs without a better test accuracy. */
  public Course patience(int epochs) {
    return new Course(steps, learningRate, schedule, shuffled, seed, epochs, save, saveEvery);
  }

  /** With checkpoints in {@code file}, after each epoch and every so many steps. */
  public Course save(Path file, long every) {
    return new Course(
        steps, learningRate, schedule, shuffled, seed, patience, Optional.of(file), every);
  }
}
