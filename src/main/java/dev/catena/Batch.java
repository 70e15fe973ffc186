package dev.catena;

import java.lang.foreign.MemorySegment;

/**
 * Images and their labels, in native memory; valid until the loader gives the next.
 *
 * @param step its number, from 0 on, over all epochs
 * @param images fp32, N,C,H,W
 * @param labels N classes, from 0
 */
@SuppressWarnings("ArrayRecordComponent") // Compared by nobody.
record Batch(long step, MemorySegment images, int[] labels) {
  /** The number of images. */
  public int count() {
    return labels.length;
  }
}
