package dev.catena.bench;

import dev.catena.Inference;
import dev.catena.Model;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A session beside a library that JCuda calls. */
@State(Scope.Benchmark)
public abstract class Ours {
  /** As {@code Device.open} takes it. */
  @Param("host")
  public String device;

  private Run run;

  /** Compiles. */
  void compile(Model model, Inference options) {
    run = new Run("bySession", device, model, options);
  }

  /** From the device's memory to there. */
  void run() {
    run.runThere();
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    run.close();
  }
}
