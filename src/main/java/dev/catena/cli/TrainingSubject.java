package dev.catena.cli;

import dev.catena.StepResult;
import dev.catena.StepTime;
import dev.catena.Trainer;
import dev.catena.plan.MemoryPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A trainer on one batch, again and again, with a learning rate of zero, so that every run computes
 * the same; the gradients are compared.
 */
final class TrainingSubject implements Subject {
  private final Trainer trainer;
  private final MemorySegment images;
  private final MemorySegment labels;
  private StepResult last;

  TrainingSubject(Trainer trainer, MemorySegment images, Arena arena) {
    this.trainer = trainer;
    this.images = images;
    this.labels = arena.allocate((long) batch() * Float.BYTES, 64);
    for (int i = 0; i < batch(); i++) {
      labels.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % trainer.classes());
    }
  }

  @Override
  public MemoryPlan plan() {
    return trainer.plan();
  }

  @Override
  public long measuredBytes() {
    return trainer.arenaBytes();
  }

  @Override
  public long weightBytes() {
    return trainer.state().weightBytes();
  }

  @Override
  public int launches() {
    return trainer.launches();
  }

  @Override
  public int batch() {
    return trainer.options().batch();
  }

  @Override
  public List<String> engines() {
    return trainer.engines();
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
  public Map<String, Long> resident() {
    return ReportFile.resident(trainer.state());
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
  public Map<String, Object> more() {
    Map<String, Object> more = new LinkedHashMap<>();
    more.put("optimizer_bytes", trainer.state().optimizerBytes());
    more.put("total_bytes", trainer.plan().peakBytes() + trainer.state().bytes());
    more.put("measured_total_bytes", trainer.arenaBytes() + trainer.stateBytes());
    more.put("loss", (double) last.loss());
    more.put("gradient_norm", (double) last.gradientNorm());
    return more;
  }

  @Override
  public void close() {
    trainer.close();
  }
}
