package dev.catena.engine;

import java.lang.foreign.MemorySegment;

/** Brings a constant into an engine's layout, on the host. */
@FunctionalInterface
public interface Packer {
  /**
   * Fills {@code target}, which is zero before.
   *
   * @param values fp32, in the checkpoint's order
   * @param target native memory of the packed size
   */
  void pack(float[] values, MemorySegment target);
}
