package dev.catena;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.engine.Packer;
import dev.catena.error.ParameterException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The constants of a session on the device, each packed once for each layout that an engine wants.
 * Thread-safe.
 */
final class WeightStore implements AutoCloseable {
  private static final long CHUNK = 4 << 20;
  private static final long ALIGNMENT = 256;

  private final Device device;
  private final List<DeviceMemory> chunks = new ArrayList<>();
  private final Map<String, Packed> packed = new HashMap<>();
  private long free; // in the last chunk
  private long bytes;

  WeightStore(Device device) {
    this.device = device;
  }

  /** A constant in an engine's layout, and how to pack it again. */
  private record Packed(
      DeviceMemory chunk,
      long offset,
      long size,
      Function<Constants, float[]> values,
      Packer packer) {
    void upload(float[] given) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment bytes = arena.allocate(size, ALIGNMENT);
        packer.pack(given, bytes);
        chunk.upload(offset, bytes);
      }
    }
  }

  /**
   * The address of a packed constant.
   *
   * @param name of the constant; equal names mean equal values
   * @param layout of the engine
   * @param size bytes of the packed form
   * @param constants where its values are, if it is not there yet
   * @param values finds them
   * @param packer brings them into the layout
   */
  synchronized long address(
      String name,
      String layout,
      long size,
      Constants constants,
      Function<Constants, float[]> values,
      Packer packer) {
    Packed found = packed.get(name + " as " + layout);
    if (found == null) {
      float[] given = values.apply(constants);
      found = place(size, values, packer);
      found.upload(given);
      packed.put(name + " as " + layout, found);
    }
    return found.chunk().address() + found.offset();
  }

  private Packed place(long size, Function<Constants, float[]> values, Packer packer) {
    long rounded = Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT;
    if (rounded > free) {
      DeviceMemory chunk = device.allocate(Math.max(CHUNK, rounded));
      chunks.add(chunk);
      free = chunk.bytes();
    }
    DeviceMemory chunk = chunks.getLast();
    long offset = chunk.bytes() - free;
    free -= rounded;
    bytes += size;
    return new Packed(chunk, offset, size, values, packer);
  }

  /**
   * Packs everything anew, to the same addresses. Nothing may be reading.
   *
   * @throws ParameterException if a parameter is missing or has another size; nothing changed
   */
  synchronized void reload(Constants constants) {
    for (Packed one : packed.values()) {
      float[] _ = one.values().apply(constants);
    }
    packed.values().forEach(one -> one.upload(one.values().apply(constants)));
  }

  /** Bytes of all packed constants. */
  synchronized long bytes() {
    return bytes;
  }

  @Override
  public synchronized void close() {
    chunks.forEach(DeviceMemory::close);
  }
}
