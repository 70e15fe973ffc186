package dev.catena.bench;

import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.rewrite.Pipeline;
import dev.catena.rewrite.Rewrite;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** A chain whose links are launches of their own, and the same fused. */
public abstract class PartsAndOne extends Measured {
  /** As {@code Device.open} takes it. */
  @Param("host")
  public String device;

  private Run parts;
  private Run fused;

  /** What is measured. */
  abstract Chain chain();

  /** What makes one launch of a link. */
  abstract Rewrite fusion();

  /** Compiles both. */
  @Setup
  public void open() {
    parts = run("inParts", Pipeline.inPlace());
    fused = run("inOne", Pipeline.inPlace().then(fusion()));
  }

  private Run run(String method, Pipeline pipeline) {
    return new Run(method, device, Models.of(chain()), Inference.batch(1).pipeline(pipeline));
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    parts.close();
    fused.close();
  }

  /** Each its own launch and buffer. */
  @Benchmark
  public MemorySegment inParts() {
    return parts.run();
  }

  /** What is between the parts is never in memory. */
  @Benchmark
  public MemorySegment inOne() {
    return fused.run();
  }
}
