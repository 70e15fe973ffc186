package dev.catena.device;

import java.lang.foreign.MemorySegment;

/**
 * A piece of a device's memory.
 *
 * <p>Synchronise the streams that use it, or close them, before closing it: the host waits for
 * enqueued work, a GPU does not. Not during a capture on the same thread.
 */
public final class DeviceMemory implements AutoCloseable {
  private final Transfers transfers;
  private final Resource resource;
  private final long address;

  DeviceMemory(Transfers transfers, Resource resource) {
    this.transfers = transfers;
    this.resource = resource;
    this.address = resource.enter();
    resource.exit();
    resource.watch(this);
  }

  /**
   * The first byte, as kernels see it; aligned to 256 bytes unless it was adopted.
   *
   * @throws IllegalStateException when closed
   */
  public long address() {
    long open = resource.enter();
    resource.exit();
    return open;
  }

  /** The size that was asked for. */
  public long bytes() {
    return resource.bytes();
  }

  /** Copies {@code source} to the first bytes; returns when it is done. Any segment will do. */
  public void upload(MemorySegment source) {
    upload(0, source);
  }

  /** Copies {@code source} to the bytes from {@code offset}; returns when it is done. */
  public void upload(long offset, MemorySegment source) {
    try (var _ = resource.use()) {
      transfers.upload(within(offset, source), source);
    }
  }

  /** Fills {@code target} with the first bytes; returns when it is done. Any segment will do. */
  public void download(MemorySegment target) {
    download(0, target);
  }

  /** Fills {@code target} with the bytes from {@code offset}; returns when it is done. */
  public void download(long offset, MemorySegment target) {
    try (var _ = resource.use()) {
      transfers.download(target, within(offset, target));
    }
  }

  /** Gives the memory back; the second time does nothing. */
  @Override
  public void close() {
    resource.close();
  }

  private long within(long offset, MemorySegment host) {
    if (offset < 0 || host.byteSize() > bytes() - offset) {
      throw new IndexOutOfBoundsException(
          "%d bytes at offset %d do not fit in %s, which has %d"
              .formatted(host.byteSize(), offset, resource, bytes()));
    }
    return address + offset;
  }

  @Override
  public String toString() {
    return resource + " (" + bytes() + " bytes)";
  }
}
