package dev.catena.measure;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/**
 * The time of a launch, from what it asks for and what a GPU can do. A model: its error is not
 * known until a GPU was measured.
 *
 * <p>With {@code N} blocks, of which the fullest of {@code M} multiprocessors runs {@code B =
 * ceil(N / M)}, and {@code R} resident at once on each, at {@code f} clocks a second:
 *
 * <pre>{@code
 * memory    32 (sectors from and to the device's memory) / bandwidth
 * l2        32 (sectors past L1) / (L2's bytes a clock * f)
 * shared    B (shared and global wavefronts a block) / f
 * issue     B (instructions a block) / 4 / f
 * a class   B (instructions of the class a block) * 32 / (its lanes a clock) / f
 * tensor    B (operations a block) / (operations a clock * share that mma.sync reaches) / f
 * latency   ceil(N / (M R)) (round trips of a block's longest warp * l + its instructions * 2) / f
 *           l: the latencies of L1, L2 and memory, by the sectors that each of them serves
 * time      the largest of these
 * }</pre>
 *
 * <p>{@code B} has the tail of the last wave in it, {@code latency} too few blocks and low
 * occupancy: what a block waits for passes once a wave, whoever else computes meanwhile. A warp on
 * its own issues every other clock, between dependent and independent instructions. What a launch
 * costs before its first block is not part of it.
 *
 * @param seconds of each limiter
 * @param occupancy of the multiprocessors
 */
public record TimeModel(Map<Limiter, Double> seconds, Occupancy occupancy) {
  private static final int WARP = 32;
  private static final double SCHEDULERS = 4;
  private static final double CLOCKS_ALONE = 2;

  /** The resources that may limit the time. */
  public enum Limiter {
    MEMORY,
    L2,
    SHARED,
    ISSUE,
    INTEGER,
    FP32,
    FP64,
    HALF,
    SPECIAL,
    CONVERSION,
    LOAD_STORE,
    TENSOR,
    LATENCY;

    /** As tables and JSON have it. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The model of a launch with these counts. */
  public static TimeModel of(GpuSpec gpu, LaunchCounts c, Occupancy occupancy) {
    long blocks = Math.round(c.blocks());
    double busiest = Math.ceilDiv(blocks, gpu.multiprocessors()) / c.blocks() / gpu.hertz();
    long resident = (long) gpu.multiprocessors() * Math.max(1, occupancy.blocks());
    double waves = Math.ceilDiv(blocks, resident);
    double path = c.pathRoundTrips() * latency(gpu, c) + c.pathInstructions() * CLOCKS_ALONE;
    double tensor =
        (c.tensorF16() + c.tensorBf16()) / gpu.tensorF16() + c.tensorTf32() / gpu.tensorTf32();
    GpuSpec.Lanes lanes = gpu.lanes();
    Map<Limiter, Double> s = new EnumMap<>(Limiter.class);
    s.put(Limiter.MEMORY, c.deviceBytes() / gpu.memoryBytesPerSecond());
    s.put(Limiter.L2, c.l2Bytes() / gpu.l2BytesPerClock() / gpu.hertz());
    s.put(Limiter.SHARED, busiest * (c.sharedWavefronts() + c.globalWavefronts()));
    s.put(Limiter.ISSUE, busiest * c.issued() / SCHEDULERS);
    s.put(Limiter.INTEGER, busiest * c.integer() * WARP / lanes.integer());
    s.put(Limiter.FP32, busiest * c.fp32() * WARP / lanes.fp32());
    s.put(Limiter.FP64, busiest * c.fp64() * WARP / lanes.fp64());
    s.put(Limiter.HALF, busiest * c.half() * WARP / lanes.half());
    s.put(Limiter.SPECIAL, busiest * c.special() * WARP / lanes.special());
    s.put(Limiter.CONVERSION, busiest * c.conversion() * WARP / lanes.conversion());
    s.put(Limiter.LOAD_STORE, busiest * c.memory() * WARP / lanes.memory());
    s.put(Limiter.TENSOR, busiest * tensor / gpu.mmaShare());
    s.put(Limiter.LATENCY, waves * path / c.blocks() / gpu.hertz());
    return new TimeModel(s, occupancy);
  }

  /** Clocks from a load to its value, on average of what was loaded. */
  private static double latency(GpuSpec gpu, LaunchCounts c) {
    double sectors = Math.max(1, c.loadSectors());
    return gpu.l1Latency()
        + c.l2LoadSectors() / sectors * (gpu.l2Latency() - gpu.l1Latency())
        + c.deviceLoadSectors() / sectors * (gpu.memoryLatency() - gpu.l2Latency());
  }

  /** The limiter that takes the longest. */
  public Limiter limiter() {
    return seconds.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey();
  }

  /** The modelled time. */
  public double time() {
    return seconds.get(limiter());
  }
}
