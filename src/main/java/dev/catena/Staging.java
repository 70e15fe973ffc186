package dev.catena;

import dev.catena.device.Device;
import dev.catena.device.HostMemory;
import dev.catena.device.Stream;
import java.lang.foreign.MemorySegment;

/**
 * The way of a lane's images and results between the user's memory and the device.
 *
 * <p>A GPU copies at full speed from page-locked memory alone. Other memory goes through some of
 * our own in pieces: while one is on its way, the processor copies the next. On the host only
 * segments of the Java heap take this way. After the first run it allocates nothing on the Java
 * heap.
 */
final class Staging implements AutoCloseable {
  /** Large enough to keep a bus busy, small enough that the first is soon on its way. */
  static final int PIECE = 2 << 20;

  private final Device device;
  private final long bytes;
  private final Direction in = new Direction();
  private final Direction out = new Direction();
  private HostMemory memory; // null until it is needed
  private MemorySegment[] pieces;

  /** For segments of at most so many bytes. Takes no memory yet. */
  Staging(Device device, long bytes) {
    this.device = device;
    this.bytes = bytes;
  }

  /** Enqueues the copy of {@code source} to the device; it must live until the stream is done. */
  void toDevice(Stream stream, long target, MemorySegment source) {
    if (in.isDirect(source)) {
      stream.copyToDevice(target, source);
      return;
    }
    reserve();
    for (long done = 0; done < source.byteSize(); done += PIECE) {
      MemorySegment piece = pieces[(int) (done / PIECE)];
      long size = Math.min(PIECE, source.byteSize() - done);
      MemorySegment.copy(source, done, piece, 0, size);
      stream.copyToDevice(target + done, piece, size);
    }
  }

  /** Fills {@code target} after all else that the stream has to do; returns when that is done. */
  void toHost(Stream stream, MemorySegment target, long source) {
    if (out.isDirect(target)) {
      stream.copyToHost(target, source);
      stream.synchronize();
      return;
    }
    if (target.isReadOnly()) {
      throw new IllegalArgumentException("the target segment is read-only");
    }
    reserve();
    for (long done = 0; done < target.byteSize(); done += PIECE) {
      long size = Math.min(PIECE, target.byteSize() - done);
      stream.copyToHost(pieces[(int) (done / PIECE)], source + done, size);
    }
    stream.synchronize();
    for (long done = 0; done < target.byteSize(); done += PIECE) {
      long size = Math.min(PIECE, target.byteSize() - done);
      MemorySegment.copy(pieces[(int) (done / PIECE)], 0, target, done, size);
    }
  }

  private void reserve() {
    if (memory != null) {
      return;
    }
    HostMemory locked = device.allocateHost(bytes);
    pieces = new MemorySegment[(int) Math.ceilDiv(bytes, PIECE)];
    for (int i = 0; i < pieces.length; i++) {
      long first = (long) i * PIECE;
      pieces[i] = locked.segment().asSlice(first, Math.min(PIECE, bytes - first));
    }
    memory = locked;
  }

  /** True if page-locked memory was taken. */
  boolean isUsed() {
    return memory != null;
  }

  @Override
  public void close() {
    if (memory != null) {
      memory.close();
    }
  }

  /**
   * The kind of the last segment: users pass the same one again and again. If memory of another
   * kind takes its address, copies are slower, but correct.
   */
  private final class Direction {
    private long address;
    private boolean locked;

    boolean isDirect(MemorySegment segment) {
      if (!segment.isNative() || device.kind() == Device.Kind.HOST) {
        return segment.isNative();
      }
      if (segment.address() != address) {
        locked = device.isPageLocked(segment);
        address = segment.address();
      }
      return locked;
    }
  }
}
