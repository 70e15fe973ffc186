package dev.catena.collective;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A collective over the host's memory, for any device: values are copied there and back. Between
 * GPUs NCCL takes its place where every rank has it.
 */
public abstract class HostCollective implements Collective {
  private static final long ALIGNMENT = 64;

  private MemorySegment room = MemorySegment.NULL;

  /** Without memory yet. */
  protected HostCollective() {}

  /** Adds up floats of the host over all ranks, in place; the same bits on every rank. */
  protected abstract void sum(MemorySegment floats);

  /** Gives all ranks the floats of rank 0. */
  protected abstract void broadcast(MemorySegment floats);

  /** Has {@code action} run when a rank of this process has failed. */
  void onFailure(Runnable action) {
    // Where ranks are processes, the launcher ends them.
  }

  @Override
  public final Collective on(Device device) {
    return size() == 1 ? this : NcclCollective.over(this, device);
  }

  @Override
  public final void sum(Stream stream, long address, long count) {
    if (size() > 1) {
      MemorySegment floats = fetch(stream, address, count);
      sum(floats);
      send(stream, address, floats);
    }
  }

  @Override
  public final void broadcast(Stream stream, long address, long count) {
    if (size() > 1) {
      MemorySegment floats = fetch(stream, address, count);
      broadcast(floats);
      send(stream, address, floats);
    }
  }

  private MemorySegment fetch(Stream stream, long address, long count) {
    long bytes = count * Float.BYTES;
    if (room.byteSize() < bytes) {
      room = Arena.ofAuto().allocate(bytes, ALIGNMENT);
    }
    MemorySegment floats = room.asSlice(0, bytes);
    stream.copyToHost(floats, address);
    stream.synchronize();
    return floats;
  }

  private static void send(Stream stream, long address, MemorySegment floats) {
    stream.copyToDevice(address, floats);
    stream.synchronize();
  }
}
