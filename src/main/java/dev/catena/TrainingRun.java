package dev.catena;

import dev.catena.error.ModelFormatException;
import dev.catena.error.NonFiniteException;
import dev.catena.io.datasets.DataSet;
import dev.catena.io.datasets.Normalization;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Trains over epochs: loads batches ahead, follows a schedule, evaluates, saves, stops early. A run
 * that goes on from a checkpoint gives the bits that the whole run would have.
 *
 * <p>Not thread-safe. What it is given it does not close.
 */
final class TrainingRun {
  private static final String BEST = "best_accuracy";
  private static final String STALE = "epochs_since_best";

  private final Trainer trainer;
  private final DataSet data;
  private final Fit fit;
  private final Sampler sampler;
  private final long all;
  private final Optional<Session> session;
  private final Map<String, String> settings = new LinkedHashMap<>();
  private double bestAccuracy;
  private int stale;
  private boolean saved;

  /**
   * A run of {@code trainer}, from where it is.
   *
   * @param trainer whose images have the size of the data's
   * @param session of the same network, reloaded with the current parameters and shown the images
   *     to test with after each epoch; without it nothing is tested
   * @throws IllegalArgumentException if the data has not enough images for a batch
   * @throws ModelFormatException if batches would not be those that a resumed run has left
   */
  TrainingRun(Trainer trainer, DataSet data, Fit fit, Optional<Session> session) {
    this.trainer = trainer;
    this.data = data;
    this.fit = fit;
    this.session = session;
    int batch = trainer.options().batch();
    sampler = Sampler.training(data.train().size(), batch, fit.shuffled(), fit.seed());
    settings.put("batch", Integer.toString(batch));
    settings.put("images", Integer.toString(data.train().size()));
    settings.put("shuffled", Boolean.toString(fit.shuffled()));
    settings.put("seed", Long.toString(fit.seed()));
    settings.put("training_seed", Long.toString(trainer.options().seed()));
    Map<String, String> theirs = trainer.settings();
    requireSame(data);
    trainer.resumed().filter(_ -> !theirs.isEmpty()).ifPresent(file -> takeOver(file, theirs));
    all = fit.allSteps(sampler.steps());
  }

  private void requireSame(DataSet data) {
    Map<String, Object> facts = new LinkedHashMap<>(settings);
    facts.put("data", data.name());
    facts.put("run", fit.facts());
    facts.put("position", trainer.steps());
    trainer.ranks().requireSame(facts);
  }

  /** Goes on from what was resumed, if anything was. */
  private void takeOver(Path checkpoint, Map<String, String> theirs) {
    settings.forEach(
        (key, value) -> {
          String other = theirs.get(key);
          if (!value.equals(other)) {
            throw new ModelFormatException(
                checkpoint,
                "metadata",
                "the checkpoint's run had %s %s, this one has %s"
                    .formatted(key.replace('_', ' '), other, value),
                "Take the same.");
          }
        });
    bestAccuracy = Double.parseDouble(theirs.getOrDefault(BEST, "0"));
    stale = Integer.parseInt(theirs.getOrDefault(STALE, "0"));
  }

  /**
   * Trains until the run is at its end, patience is, or the listener stops it.
   *
   * @throws IOException if an image cannot be read, or a checkpoint not be written
   * @throws NonFiniteException if loss or gradients are not finite, naming step and layer
   */
  List<Fit.Epoch> run(Fit.Listener listener) throws IOException {
    List<Fit.Epoch> epochs = new ArrayList<>();
    Ranks ranks = trainer.ranks();
    try (BatchLoader loader = loader(ranks);
        Arena arena = Arena.ofConfined()) {
      long images = trainer.options().batch();
      long values = (long) ranks.images() * trainer.classes();
      MemorySegment logits = arena.allocate(values * Float.BYTES, Float.BYTES);
      Evaluation train = new Evaluation(0, 0, 0);
      double seconds = 0;
      while (trainer.steps() < all) {
        Fit.Step step = step(loader, logits);
        StepResult result = step.result();
        train = train.plus(new Evaluation(images, result.loss(), step.accuracy()));
        seconds += step.seconds();
        listener.step(step);
        boolean stopped = ranks.any(listener.isStopped());
        boolean whole = trainer.steps() % sampler.steps() == 0;
        if (whole || trainer.steps() == all) {
          Optional<Evaluation> test = evaluate();
          if (whole) {
            test.ifPresent(this::remember);
          }
          save();
          epochs.add(new Fit.Epoch(step.epoch(), trainer.steps(), train, test, seconds));
          listener.epoch(epochs.getLast());
          train = new Evaluation(0, 0, 0);
          seconds = 0;
          if (fit.patience() > 0 && ranks.any(ranks.rank() == 0 && stale >= fit.patience())) {
            return epochs;
          }
        } else if (stopped || fit.saveEvery() > 0 && trainer.steps() % fit.saveEvery() == 0) {
          save();
        }
        if (stopped) {
          return epochs;
        }
      }
      return epochs;
    }
  }

  private BatchLoader loader(Ranks ranks) {
    int first = ranks.first(ranks.rank());
    return new BatchLoader(data.train(), sampler, trainer.steps(), onHost(), first, ranks.images());
  }

  /** The normalisation on the host; empty where the device does it or there is none. */
  private Optional<Normalization> onHost() {
    Normalization wanted = data.normalization();
    boolean elsewhere = trainer.options().entry().isPresent();
    boolean nothing = wanted.equals(Normalization.none(data.image().c()));
    return elsewhere || nothing ? Optional.empty() : Optional.of(wanted);
  }

  private Fit.Step step(BatchLoader loader, MemorySegment logits) throws IOException {
    long start = System.nanoTime();
    long number = trainer.steps();
    Batch batch = loader.next();
    float rate = fit.rate(number, all);
    float scale = trainer.lossScale();
    StepResult result = trainer.step(batch.images(), batch.labels(), rate);
    // A loss scale above one is lowered where gradients overflow, and the run goes on.
    if (!Float.isFinite(result.loss()) || !result.applied() && scale <= 1) {
      String layer = trainer.firstNonFinite(batch.images(), batch.labels()).orElse("the gradient");
      throw new NonFiniteException(number, result.loss(), layer, fit.save().filter(_ -> saved));
    }
    trainer.logits(logits);
    double accuracy = trainer.ranks().mean(Evaluation.of(logits, batch.labels()).accuracy());
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Fit.Step(number, number / sampler.steps(), rate, result, accuracy, seconds);
  }

  private Optional<Evaluation> evaluate() throws IOException {
    if (session.isEmpty()) {
      return Optional.empty();
    }
    session.get().reload(Parameters.of(trainer.parameters()));
    return Optional.of(Evaluation.of(session.get(), data));
  }

  private void remember(Evaluation test) {
    stale = test.accuracy() > bestAccuracy ? 0 : stale + 1;
    bestAccuracy = Math.max(bestAccuracy, test.accuracy());
  }

  private void save() throws IOException {
    Map<String, String> now = new LinkedHashMap<>(settings);
    now.put(BEST, Double.toString(bestAccuracy));
    now.put(STALE, Integer.toString(stale));
    trainer.remember(now);
    if (fit.save().isPresent() && trainer.ranks().rank() == 0) {
      trainer.save(fit.save().get());
      saved = true;
    }
  }
}
