package dev.catena.bench;

import dev.catena.Models;
import dev.catena.exec.Inference;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Value;
import dev.catena.rewrite.FuseShortcut;
import dev.catena.rewrite.Pipeline;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * PyramidNet's shortcut, eight times in a row: sixteen channels of zeros appended, a sum, a
 * normalisation. Three launches each, and one; the convolution that makes the other summand, of
 * eight channels, is in both.
 */
public class Shortcut extends Measured {
  private static final int CHANNELS = 64;
  private static final int WIDER = 16;

  /** As {@code Device.open} takes it. */
  @Param("host")
  public String device;

  private Run parts;
  private Run fused;

  /** Compiles both. */
  @Setup
  public void open() {
    Chain chain = new Chain("shortcut", 32, CHANNELS, 8, Shortcut::append);
    Pipeline one = Pipeline.inPlace().then(new FuseShortcut());
    parts = run("inParts", chain, Pipeline.inPlace());
    fused = run("inOne", chain, one);
  }

  private Run run(String method, Chain chain, Pipeline pipeline) {
    return new Run(method, device, Models.of(chain), Inference.batch(1).pipeline(pipeline));
  }

  private static Value append(GraphBuilder b, int i, Value x) {
    int channels = CHANNELS + (i + 1) * WIDER;
    Value residual = b.conv("conv" + i, b.conv("narrow" + i, x, 8, 1, 1, 0), channels, 1, 1, 0);
    Value sum = b.add("add" + i, residual, b.padChannels("pad" + i, x, channels));
    return b.batchNorm("norm" + i, sum);
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

  /** Neither the padded shortcut nor the sum is ever in memory. */
  @Benchmark
  public MemorySegment inOne() {
    return fused.run();
  }
}
