package dev.catena.cli;

import dev.catena.StepResult;
import dev.catena.StepTime;
import dev.catena.Trainer;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * A trainer on one batch, again and again, with a learning rate of zero, so that every run computes
 * the same; the gradients are compared.
 */
final class ComparedTraining implements ComparedRun {
  private final Trainer trainer;
  private final MemorySegment images;
  private final int[] labels;
  private StepResult last;

  ComparedTraining(Trainer trainer, MemorySegment images) {
    this.trainer = trainer;
    this.images = images;
    int batch = trainer.options().batch();
    this.labels = new int[batch];
    for (int i = 0; i < batch; i++) {
      labels[i] = i % trainer.classes();
    }
  }

  @Override
  public Compiled compiled() {
    return new Compiled(
        trainer.plan(),
        trainer.arenaBytes(),
        trainer.state().weightBytes(),
        trainer.launches(),
        trainer.options().batch(),
        trainer.engines(),
        ReportFile.resident(trainer.state()),
        Optional.empty());
  }

  @Override
  public void run() {
    last = trainer.step(images, labels, 0);
  }

  @Override
  public float[] result() {
    List<float[]> gradients = List.copyOf(trainer.gradients().values());
    float[] all = new float[gradients.stream().mapToInt(g -> g.length).sum()];
    int next = 0;
    for (float[] gradient : gradients) {
      for (float value : gradient) {
        all[next++] = value / trainer.lossScale();
      }
    }
    return all;
  }

  @Override
  public Optional<VariantResult.OfTraining> training() {
    return Optional.of(
        new VariantResult.OfTraining(
            trainer.state().optimizerBytes(),
            trainer.plan().peakBytes() + trainer.state().bytes(),
            trainer.arenaBytes() + trainer.stateBytes(),
            last.loss(),
            last.gradientNorm()));
  }

  @Override
  public Optional<String> firstNonFinite() {
    return trainer.firstNonFinite(images, labels);
  }

  @Override
  public List<StepTime> profile(int rounds) {
    return trainer.profile(images, labels, rounds);
  }

  @Override
  public void close() {
    trainer.close();
  }
}
