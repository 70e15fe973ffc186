package dev.catena.measure;

import dev.catena.graph.Precision;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Properties;

/**
 * What a GPU can do, as far as {@link TimeModel} asks. Read from {@code gpus/NAME.properties},
 * where each number has its source. Immutable.
 *
 * @param name as its vendor calls it
 * @param capability compute capability, 90 for 9.0
 * @param warps blocks, registers, sharedBytes: what a multiprocessor has; l1Bytes includes shared
 *     memory
 * @param hertz clock of the multiprocessors
 * @param memoryBytesPerSecond read and written by a long copy
 * @param l1Latency l2Latency, memoryLatency: clocks from a load to its value, the last under load
 * @param tensorF16 floating-point operations a clock and multiprocessor in 16 bits, at best
 * @param tensorTf32 the same in TF32
 * @param mmaShare of it that {@code mma.sync} reaches
 * @param lanes results a clock and multiprocessor, by class of instruction
 */
public record GpuSpec(
    String name,
    int capability,
    int multiprocessors,
    int warps,
    int blocks,
    int registers,
    int sharedBytes,
    int l1Bytes,
    long l2Bytes,
    double hertz,
    double memoryBytesPerSecond,
    double l2BytesPerClock,
    double l1Latency,
    double l2Latency,
    double memoryLatency,
    double tensorF16,
    double tensorTf32,
    double mmaShare,
    Lanes lanes) {
  /** The names that {@link #named} knows. */
  public static final List<String> NAMES = List.of("h200", "a100", "rtx4090");

  /** Lanes that a multiprocessor serves in a clock. */
  public record Lanes(
      double integer,
      double fp32,
      double fp64,
      double half,
      double special,
      double conversion,
      double memory) {}

  /**
   * A GPU of {@link #NAMES}.
   *
   * @throws IllegalArgumentException with the list, for another name
   */
  public static GpuSpec named(String name) {
    if (!NAMES.contains(name)) {
      throw new IllegalArgumentException(
          "no description of '%s', only of %s".formatted(name, String.join(", ", NAMES)));
    }
    Properties p = new Properties();
    try (InputStream in =
        GpuSpec.class.getResourceAsStream("/dev/catena/gpus/" + name + ".properties")) {
      p.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the description of " + name, e);
    }
    return new GpuSpec(
        p.getProperty("name"),
        (int) number(p, "capability"),
        (int) number(p, "multiprocessors"),
        (int) number(p, "warps"),
        (int) number(p, "blocks"),
        (int) number(p, "registers"),
        (int) number(p, "shared_bytes"),
        (int) number(p, "l1_bytes"),
        (long) number(p, "l2_bytes"),
        number(p, "clock_hz"),
        number(p, "memory_bytes_per_second"),
        number(p, "l2_bytes_per_clock"),
        number(p, "l1_latency_clocks"),
        number(p, "l2_latency_clocks"),
        number(p, "memory_latency_clocks"),
        number(p, "tensor_f16_flop"),
        number(p, "tensor_tf32_flop"),
        number(p, "mma_share"),
        new Lanes(
            number(p, "integer"),
            number(p, "fp32"),
            number(p, "fp64"),
            number(p, "half"),
            number(p, "special"),
            number(p, "conversion"),
            number(p, "memory")));
  }

  private static double number(Properties p, String key) {
    return Double.parseDouble(p.getProperty(key));
  }

  /** The two lines of its roofline for products in {@code precision}. */
  public Peaks peaks(Precision precision) {
    double flop =
        switch (precision) {
          case FP16, BF16 -> tensorF16;
          case TF32 -> tensorTf32;
          case FP32 -> 2 * lanes.fp32;
        };
    return new Peaks(memoryBytesPerSecond, name, flop * multiprocessors * hertz, name);
  }
}
