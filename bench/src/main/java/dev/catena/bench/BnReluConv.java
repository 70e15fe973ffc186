package dev.catena.bench;

import dev.catena.Models;
import dev.catena.exec.Inference;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Value;
import dev.catena.rewrite.FuseBnReluConv;
import dev.catena.rewrite.Pipeline;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** BN, ReLU and convolution, eight times in a row: three launches each, and one. */
public class BnReluConv extends Measured {
  private static final int CHANNELS = 128;

  /** As {@code Device.open} takes it. */
  @Param("host")
  public String device;

  /** Extent of the convolution. */
  @Param({"1", "3"})
  public int kernel;

  private Run parts;
  private Run fused;

  /** Compiles both. */
  @Setup
  public void open() {
    Pipeline one = Pipeline.inPlace().then(new FuseBnReluConv());
    Chain chain = new Chain("bn-relu-conv", 32, CHANNELS, 8, this::append);
    parts = new Run("inParts", device, Models.of(chain), options(Pipeline.inPlace()));
    fused = new Run("inOne", device, Models.of(chain), options(one));
  }

  private Value append(GraphBuilder b, int i, Value x) {
    Value normal = b.relu("relu" + i, b.batchNorm("norm" + i, x));
    return b.conv("conv" + i, normal, CHANNELS, kernel, 1, kernel / 2);
  }

  private static Inference options(Pipeline pipeline) {
    return Inference.batch(1).pipeline(pipeline);
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    parts.close();
    fused.close();
  }

  /** Each its own launch. */
  @Benchmark
  public MemorySegment inParts() {
    return parts.run();
  }

  /** BN and ReLU in the convolution's prologue. */
  @Benchmark
  public MemorySegment inOne() {
    return fused.run();
  }
}
