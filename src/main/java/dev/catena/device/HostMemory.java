package dev.catena.device;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of the host that a GPU reads and writes at full speed (page-locked), so that copies on a
 * stream do not hold up the thread.
 */
public final class HostMemory implements AutoCloseable {
  private final Resource resource;
  private final Arena arena;
  private final MemorySegment segment;

  @SuppressWarnings("MustBeClosedChecker") // close() closes the arena
  HostMemory(Resource resource, long address) {
    this.resource = resource;
    this.arena = Arena.ofShared();
    this.segment = MemorySegment.ofAddress(address).reinterpret(resource.bytes(), arena, null);
    resource.watch(this);
  }

  /** The memory; unusable after {@link #close}. */
  public MemorySegment segment() {
    return segment;
  }

  /**
   * Gives the memory back; the second time does nothing. Copies that use it must have ended.
   *
   * @throws IllegalStateException when a call is using the segment just now
   */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
    resource.close();
  }
}
