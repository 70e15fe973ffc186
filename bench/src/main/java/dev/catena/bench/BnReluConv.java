package dev.catena.bench;

import dev.catena.Models;
import dev.catena.exec.Inference;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.GraphBuilder;
import dev.catena.graph.Value;
import dev.catena.model.Network;
import dev.catena.rewrite.FuseBnReluConv;
import dev.catena.rewrite.Pipeline;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** BN, ReLU and convolution, eight times in a row: three launches each, and one. */
public class BnReluConv extends Measured {
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
    Chain chain = new Chain(kernel);
    parts = new Run(device, Models.of(chain), options(Pipeline.inPlace()));
    fused =
        new Run(device, Models.of(chain), options(Pipeline.inPlace().then(new FuseBnReluConv())));
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

  /** A stem, then the eight. */
  private record Chain(int kernel) implements Network {
    private static final int DEPTH = 8;

    @Override
    public String name() {
      return "chain" + kernel;
    }

    @Override
    public int channels() {
      return 8;
    }

    @Override
    public int imageSize() {
      return 32;
    }

    @Override
    public int classes() {
      return 128;
    }

    @Override
    public Graph graph(int batch, int height, int width, DType dtype) {
      GraphBuilder b = new GraphBuilder(name(), dtype);
      Value x = b.conv("stem", b.input(batch, channels(), height, width), classes(), 1, 1, 0);
      for (int i = 0; i < DEPTH; i++) {
        x = b.relu("relu" + i, b.batchNorm("norm" + i, x));
        x = b.conv("conv" + i, x, classes(), kernel, 1, kernel / 2);
      }
      return b.build(b.globalAveragePool("pool", x));
    }
  }
}
