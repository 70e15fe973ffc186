package dev.catena.bench;

import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.Variant;
import dev.catena.graph.DType;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** Inference of one batch, copies to and from the device included. */
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class WholeModel extends Measured {
  /** As {@code Device.open} takes it. */
  @Param("host")
  public String device;

  /** A name of the catalogue. */
  @Param({"densenet-bc-100-12", "densenet121"})
  public String model;

  /** Images. */
  @Param("1")
  public int batch;

  /** Of activations and filters. */
  @Param("FP32")
  public DType dtype;

  /** The rewrites. */
  @Param({"UNFUSED", "IN_PLACE", "FUSED"})
  public Variant variant;

  private Run run;

  /** Compiles. */
  @Setup
  public void open() {
    Inference options = Inference.batch(batch).dtype(dtype).variant(variant);
    run = new Run("infer", device, Models.get(model), options);
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    run.close();
  }

  /** One run. */
  @Benchmark
  public MemorySegment infer() {
    return run.run();
  }
}
