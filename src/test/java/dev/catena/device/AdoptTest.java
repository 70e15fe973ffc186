package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.catena.error.CudaException;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** Streams and memory of another owner, here another view of the same device. */
class AdoptTest {
  private static final float[] VALUES = {1, 2, 3, 4};

  @Test
  void whatIsAdoptedIsUsedButNeverDestroyed() {
    try (Device owner = Device.open("host");
        DeviceMemory memory = owner.allocate(16);
        Stream stream = owner.newStream()) {
      memory.upload(MemorySegment.ofArray(VALUES));
      long used = owner.usedMemory();
      DeviceMemory borrowed;
      Stream queue;
      try (Device device = Device.open("host")) {
        borrowed = device.adoptMemory(memory.address() + 4, 12);
        queue = device.adoptStream(stream.handle());
        queue.fillInts(borrowed.address(), Float.floatToRawIntBits(5), 1);
        stream.synchronize();
        assertThrows(
            IndexOutOfBoundsException.class, () -> borrowed.download(1, segment(new float[3])));
        // Left open: the device ends their use, and they outlive it.
      }
      assertThrows(IllegalStateException.class, borrowed::address);
      assertThrows(IllegalStateException.class, queue::synchronize);
      assertEquals(used, owner.usedMemory());
      stream.synchronize();
      float[] seen = new float[4];
      memory.download(segment(seen));
      assertArrayEquals(new float[] {1, 5, 3, 4}, seen);
    }
  }

  @Test
  void whatIsNoHandleIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Device.adopt(0));
    try (Device device = Device.open("host")) {
      assertThrows(IllegalArgumentException.class, () -> device.adoptMemory(0, 16));
      assertThrows(IllegalArgumentException.class, () -> device.adoptMemory(4096, 0));
      assertThrows(CudaException.class, () -> device.adoptStream(12345));
    }
  }

  private static MemorySegment segment(float[] values) {
    return MemorySegment.ofArray(values);
  }
}
