package dev.catena;

import dev.catena.error.NonFiniteException;
import dev.catena.graph.Graph;
import dev.catena.io.datasets.Batch;
import dev.catena.io.datasets.BatchLoader;
import dev.catena.io.datasets.DataSet;
import dev.catena.io.datasets.Order;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Trains over epochs: loads batches ahead, follows a schedule, evaluates, saves, stops early. A run
 * that goes on from a checkpoint gives the bits that the whole run would have.
 *
 * <p>Not thread-safe. What it is given it does not close.
 */
public final class TrainingRun {
  private static final String BEST = "best_accuracy";
  private static final String STALE = "epochs_since_best";

  private final Trainer trainer;
  private final Graph network;
  private final DataSet data;
  private final Course course;
  private final Order order;
  private final Optional<Session> session;
  private final Map<String, String> settings = new LinkedHashMap<>();
  private double bestAccuracy;
  private int stale;
  private boolean saved;

  /** Hears of a run's progress, on the thread that runs it. */
  public interface Listener {
    /** After every step. */
    void step(Step step) throws IOException;

    /** After every epoch, and after the last step. */
    void epoch(Epoch epoch) throws IOException;
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

  /**
   * A run of {@code trainer}, from where it is.
   *
   * @param trainer whose images have the size of the data's
   * @param network that it trains, for the checkpoints
   * @param session of the same network, reloaded with the current parameters and shown the images
   *     to test with after each epoch; without it nothing is tested
   * @throws IllegalArgumentException if the data has not enough images for a batch
   */
  public TrainingRun(
      Trainer trainer, Graph network, DataSet data, Course course, Optional<Session> session) {
    this.trainer = trainer;
    this.network = network;
    this.data = data;
    this.course = course;
    this.session = data.test().isPresent() ? session : Optional.empty();
    int batch = trainer.options().batch();
    order = Order.training(data.train().size(), batch, course.shuffled(), course.seed());
    settings.put("batch", Integer.toString(batch));
    settings.put("images", Integer.toString(data.train().size()));
    settings.put("shuffled", Boolean.toString(course.shuffled()));
    settings.put("seed", Long.toString(course.seed()));
    settings.put("training_seed", Long.toString(trainer.options().seed()));
  }

  /** Steps of an epoch. */
  public int epochSteps() {
    return order.steps();
  }

  /**
   * Goes on from {@code checkpoint}.
   *
   * @throws IllegalArgumentException if batches would not be those that the checkpoint's run has
   *     left: it had another batch size, seed or number of images
   */
  public void resume(Checkpoint checkpoint) {
    settings.forEach(
        (key, value) -> {
          String other = checkpoint.settings().get(key);
          if (!value.equals(other)) {
            throw new IllegalArgumentException(
                "the checkpoint's run had %s %s, this one has %s; take the same"
                    .formatted(key.replace('_', ' '), other, value));
          }
        });
    trainer.restore(
        checkpoint.parameters(), checkpoint.momentum(), checkpoint.steps(), checkpoint.lossScale());
    bestAccuracy = Double.parseDouble(checkpoint.settings().getOrDefault(BEST, "0"));
    stale = Integer.parseInt(checkpoint.settings().getOrDefault(STALE, "0"));
  }

  /**
   * Trains until the course is at its end or patience is.
   *
   * @throws IOException if an image cannot be read, or a checkpoint not be written
   * @throws NonFiniteException if loss or gradients are not finite, naming step and layer
   */
  public void run(Listener listener) throws IOException {
    try (BatchLoader loader =
            new BatchLoader(data.train(), order, trainer.steps(), Optional.empty());
        Arena arena = Arena.ofConfined()) {
      long images = trainer.options().batch();
      MemorySegment logits = arena.allocate(images * trainer.classes() * Float.BYTES, Float.BYTES);
      Evaluation train = new Evaluation(0, 0, 0);
      double seconds = 0;
      while (trainer.steps() < course.steps()) {
        Step step = step(loader, logits);
        StepResult result = step.result();
        train = train.plus(new Evaluation(images, result.loss(), step.accuracy()));
        seconds += step.seconds();
        listener.step(step);
        boolean whole = trainer.steps() % order.steps() == 0;
        if (whole || trainer.steps() == course.steps()) {
          Optional<Evaluation> test = evaluate();
          if (whole) {
            test.ifPresent(this::remember);
          }
          save();
          listener.epoch(new Epoch(step.epoch(), trainer.steps(), train, test, seconds));
          train = new Evaluation(0, 0, 0);
          seconds = 0;
          if (course.patience() > 0 && stale >= course.patience()) {
            return;
          }
        } else if (course.saveEvery() > 0 && trainer.steps() % course.saveEvery() == 0) {
          save();
        }
      }
    }
  }

  private Step step(BatchLoader loader, MemorySegment logits) throws IOException {
    long start = System.nanoTime();
    long number = trainer.steps();
    Batch batch = loader.next();
    double factor = course.schedule().factor(number, course.steps());
    float rate = (float) (course.learningRate() * factor);
    float scale = trainer.lossScale();
    StepResult result = trainer.step(batch.images(), batch.labels(), rate);
    // A loss scale above one is lowered where gradients overflow, and the run goes on.
    if (!Float.isFinite(result.loss()) || !result.applied() && scale <= 1) {
      String layer = trainer.firstNonFinite(batch.images(), batch.labels()).orElse("the gradient");
      throw new NonFiniteException(number, result.loss(), layer, course.save().filter(_ -> saved));
    }
    trainer.logits(logits);
    double accuracy = Evaluation.of(logits, batch.labels()).accuracy();
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Step(number, number / order.steps(), rate, result, accuracy, seconds);
  }

  private Optional<Evaluation> evaluate() throws IOException {
    if (session.isEmpty()) {
      return Optional.empty();
    }
    Map<String, float[]> now = trainer.parameters();
    session.get().reload(parameter -> now.get(parameter.name()));
    return Optional.of(Evaluation.of(session.get(), data));
  }

  private void remember(Evaluation test) {
    stale = test.accuracy() > bestAccuracy ? 0 : stale + 1;
    bestAccuracy = Math.max(bestAccuracy, test.accuracy());
  }

  private void save() throws IOException {
    if (course.save().isPresent()) {
      Map<String, String> all = new LinkedHashMap<>(settings);
      all.put(BEST, Double.toString(bestAccuracy));
      all.put(STALE, Integer.toString(stale));
      new Checkpoint(
              trainer.parameters(), trainer.momentum(), trainer.steps(), trainer.lossScale(), all)
          .write(course.save().get(), network);
      saved = true;
    }
  }
}
