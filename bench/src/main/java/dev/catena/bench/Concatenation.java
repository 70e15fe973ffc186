package dev.catena.bench;

import dev.catena.Inference;
import dev.catena.Models;
import dev.catena.model.DenseNet;
import dev.catena.rewrite.Pipeline;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** A dense block of twelve layers with every concatenation copied, and with every one placed. */
public class Concatenation extends Measured {
  private static final DenseNet BLOCK =
      new DenseNet("block", List.of(12), 32, 64, true, 0.5, true, 0);
  private static final int PIXELS = 64;

  /** As {@code Device.open} takes it. */
  @Param("host")
  public String device;

  private Run copies;
  private Run placement;

  /** Compiles both. */
  @Setup
  public void open() {
    Inference options = Inference.batch(1).image(PIXELS, PIXELS);
    copies = new Run("copied", device, Models.of(BLOCK), options.pipeline(Pipeline.unfused()));
    placement = new Run("placed", device, Models.of(BLOCK), options.pipeline(Pipeline.inPlace()));
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    copies.close();
    placement.close();
  }

  /** Every input of a concatenation is copied into its result. */
  @Benchmark
  public MemorySegment copied() {
    return copies.run();
  }

  /** Every input is computed where it belongs. */
  @Benchmark
  public MemorySegment placed() {
    return placement.run();
  }
}
