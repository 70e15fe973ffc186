package dev.catena.bench;

import dev.catena.Models;
import dev.catena.Variant;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Network;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.Planner;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** From a model's definition to its memory plan; needs no device. */
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class PlannerTime extends Measured {
  /** A name of the catalogue. */
  @Param({"densenet121", "densenet264"})
  public String model;

  /** The rewrites. */
  @Param("FUSED")
  public Variant variant;

  private Network network;
  private Graph rewritten;

  /** Builds the graph. */
  @Setup
  public void open() {
    network = Models.get(model).network();
    rewritten = rewrite();
  }

  /** The definition, and the rewrites. */
  @Benchmark
  public Graph rewrite() {
    return variant.pipeline().apply(network.graph(8, DType.FP32));
  }

  /** Lifetimes, views and offsets. */
  @Benchmark
  public MemoryPlan plan() {
    return Planner.plan(rewritten);
  }
}
