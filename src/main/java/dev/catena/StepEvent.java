package dev.catena;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/**
 * One step of a trainer, from the copy of the batch to the loss. A trainer keeps one and commits it
 * again and again, so that recording takes nothing from the heap.
 */
@Name("dev.catena.TrainingStep")
@Label("Training Step")
@Category("Catena")
@Description("A trainer made a step on a batch")
@StackTrace(false)
final class StepEvent extends Event {
  @Label("Model")
  final String model;

  @Label("Device")
  final String device;

  @Label("Launches")
  final int launches;

  @Label("Planned Bytes")
  @Description("Of the step's arena and of what is kept between steps")
  @DataAmount
  final long planned;

  @Label("Bytes to the Device")
  @DataAmount
  final long bytesIn;

  @Label("Step")
  @Description("From 0")
  long step;

  @Label("Learning Rate")
  float learningRate;

  @Label("Loss")
  float loss;

  @Label("Gradient Norm")
  float gradientNorm;

  @Label("Applied")
  @Description("False where the gradients were not finite and the parameters stayed")
  boolean applied;

  StepEvent(String model, String device, int launches, long planned, long bytesIn) {
    this.model = model;
    this.device = device;
    this.launches = launches;
    this.planned = planned;
    this.bytesIn = bytesIn;
  }

  /** Ends step {@code number}. */
  void commit(long number, float rate, StepResult result) {
    end();
    if (shouldCommit()) {
      step = number;
      learningRate = rate;
      loss = result.loss();
      gradientNorm = result.gradientNorm();
      applied = result.applied();
      commit();
    }
  }
}
