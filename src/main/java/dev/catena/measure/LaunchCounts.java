package dev.catena.measure;

import java.util.Arrays;

/**
 * What one launch asked of the memory system and of the multiprocessors, as {@code
 * native/ptx/counters.h} defines it; of a sample of blocks scaled to the whole grid. Immutable.
 *
 * @param deviceLoadSectors of 32 bytes, from the device's memory into L2
 * @param sharedConflicts wavefronts beyond those that an access needs, part of sharedWavefronts
 * @param integer to move: warp-level instructions of PTX
 * @param tensorF16 tensorBf16, tensorTf32: floating-point operations
 * @param pathInstructions of each block's longest warp, summed over blocks
 * @param pathRoundTrips to memory that such a warp waits for one after the other, summed
 */
public record LaunchCounts(
    double requestedLoadBytes,
    double requestedStoreBytes,
    double loadSectors,
    double storeSectors,
    double l2LoadSectors,
    double l2StoreSectors,
    double deviceLoadSectors,
    double deviceStoreSectors,
    double globalWavefronts,
    double sharedWavefronts,
    double sharedConflicts,
    double integer,
    double fp32,
    double fp64,
    double half,
    double special,
    double conversion,
    double memory,
    double branch,
    double barrier,
    double tensor,
    double move,
    double tensorF16,
    double tensorBf16,
    double tensorTf32,
    double blocks,
    double pathInstructions,
    double pathRoundTrips) {
  private static final int SECTOR = 32;

  /** Counts in the order of the components. */
  static LaunchCounts of(double... counts) {
    try {
      Object[] boxed = Arrays.stream(counts).boxed().toArray();
      return (LaunchCounts) LaunchCounts.class.getDeclaredConstructors()[0].newInstance(boxed);
    } catch (ReflectiveOperationException | IllegalArgumentException e) {
      throw new IllegalStateException("the driver counts other things than this class", e);
    }
  }

  /** Bytes exchanged with the device's memory. */
  public double deviceBytes() {
    return SECTOR * (deviceLoadSectors + deviceStoreSectors);
  }

  /** Bytes exchanged with L2. */
  public double l2Bytes() {
    return SECTOR * (l2LoadSectors + l2StoreSectors);
  }

  /** Bytes that threads asked for, of those that their accesses touched. Broadcasts exceed 1. */
  public double coalesced() {
    return (requestedLoadBytes + requestedStoreBytes) / (SECTOR * (loadSectors + storeSectors));
  }

  /** Warp-level instructions that a scheduler issues: all but moves. */
  public double issued() {
    return integer + fp32 + fp64 + half + special + conversion + memory + branch + barrier + tensor;
  }
}
