package dev.catena.exec;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.engine.Packer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The constants of a session on the device, each packed once for each layout that an engine wants.
 * Thread-safe.
 */
final class WeightStore implements AutoCloseable {
  private static final long CHUNK = 4 << 20;
  private static final long ALIGNMENT = 256;

  private final Device device;
  private final List<DeviceMemory> chunks = new ArrayList<>();
  private final Map<String, Long> addresses = new HashMap<>();
  private long free; // in the last chunk
  private long bytes;

  WeightStore(Device device) {
    this.device = device;
  }

  /**
   * The address of a packed constant.
   *
   * @param name of the constant; equal names mean equal values
   * @param layout of the engine
   * @param size bytes of the packed form
   * @param values asked for if it is not there yet
   * @param packer brings them into the layout
   */
  synchronized long address(
      String name, String layout, long size, Supplier<float[]> values, Packer packer) {
    return addresses.computeIfAbsent(
        name + " as " + layout, _ -> upload(size, values.get(), packer));
  }

  /** Bytes of all packed constants. */
  synchronized long bytes() {
    return bytes;
  }

  private long upload(long size, float[] values, Packer packer) {
    long rounded = Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT;
    if (rounded > free) {
      DeviceMemory chunk = device.allocate(Math.max(CHUNK, rounded));
      chunks.add(chunk);
      free = chunk.bytes();
    }
    DeviceMemory chunk = chunks.getLast();
    long offset = chunk.bytes() - free;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment packed = arena.allocate(size, ALIGNMENT);
      packer.pack(values, packed);
      chunk.upload(offset, packed);
    }
    free -= rounded;
    bytes += size;
    return chunk.address() + offset;
  }

  @Override
  public synchronized void close() {
    chunks.forEach(DeviceMemory::close);
  }
}
