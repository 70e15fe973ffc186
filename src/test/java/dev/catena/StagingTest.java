package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.HostMemory;
import dev.catena.device.Stream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StagingTest {
  private static final int MOST = 3 * Staging.PIECE + 4;

  private final Device device = Device.open("host");
  private final Staging staging = new Staging(device, MOST);

  @AfterEach
  void close() {
    staging.close();
    device.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {4, Staging.PIECE - 4, Staging.PIECE, Staging.PIECE + 4, MOST})
  void heapSegmentsArriveWholeThroughPieces(int bytes) {
    byte[] sent = new byte[bytes];
    new SplittableRandom(bytes).nextBytes(sent);
    byte[] received = new byte[bytes];
    try (DeviceMemory memory = device.allocate(MOST + 4);
        Stream stream = device.newStream()) {
      stream.fill(memory.address(), (byte) 7, MOST + 4);
      staging.toDevice(stream, memory.address(), MemorySegment.ofArray(sent));
      staging.toHost(stream, MemorySegment.ofArray(received), memory.address());
      assertArrayEquals(sent, received);
      byte[] behind = new byte[4];
      memory.download(bytes, MemorySegment.ofArray(behind));
      assertArrayEquals(new byte[] {7, 7, 7, 7}, behind);
      assertTrue(staging.isUsed());
    }
  }

  @Test
  void whatTheDeviceReachesIsCopiedDirectly() {
    try (DeviceMemory memory = device.allocate(64);
        Stream stream = device.newStream();
        Arena arena = Arena.ofConfined()) {
      staging.toDevice(stream, memory.address(), arena.allocate(64));
      staging.toHost(stream, arena.allocate(64), memory.address());
      assertFalse(staging.isUsed());
    }
  }

  @Test
  void copiesOfOneStreamDoNotWaitForTheWorkOfAnother() {
    byte[] sent = new byte[MOST];
    new SplittableRandom(1).nextBytes(sent);
    byte[] received = new byte[MOST];
    try (DeviceMemory memory = device.allocate(MOST);
        DeviceMemory elsewhere = device.allocate(64 << 20);
        Stream busy = device.newStream();
        Stream stream = device.newStream()) {
      for (int i = 0; i < 100; i++) { // a second's work, where the copies take milliseconds
        busy.fill(elsewhere.address(), (byte) i, elsewhere.bytes());
      }
      staging.toDevice(stream, memory.address(), MemorySegment.ofArray(sent));
      staging.toHost(stream, MemorySegment.ofArray(received), memory.address());
      assertFalse(busy.isIdle());
      assertArrayEquals(sent, received);
    }
  }

  @Test
  void aReadOnlyTargetIsRefused() {
    try (DeviceMemory memory = device.allocate(64);
        Stream stream = device.newStream()) {
      MemorySegment target = MemorySegment.ofArray(new byte[64]).asReadOnly();
      assertThrows(
          IllegalArgumentException.class, () -> staging.toHost(stream, target, memory.address()));
    }
  }

  @Test
  void pageLockedMemoryIsKnown() {
    try (HostMemory locked = device.allocateHost(100);
        Arena arena = Arena.ofConfined()) {
      assertTrue(device.isPageLocked(locked.segment().asSlice(40)));
      assertFalse(device.isPageLocked(arena.allocate(100)));
      assertFalse(device.isPageLocked(MemorySegment.ofArray(new byte[100])));
    }
  }

  @Test
  void aSegmentsFirstBytesAreCopiedAndNoMore() {
    try (DeviceMemory memory = device.allocate(64);
        Stream stream = device.newStream();
        Arena arena = Arena.ofShared()) {
      MemorySegment segment = arena.allocate(64).fill((byte) 3);
      stream.fill(memory.address(), (byte) 9, 64);
      stream.copyToDevice(memory.address(), segment, 10);
      MemorySegment back = arena.allocate(64);
      stream.copyToHost(back, memory.address(), 12);
      stream.synchronize();
      assertEquals(3, back.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 9));
      assertEquals(9, back.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 11));
      assertEquals(0, back.get(java.lang.foreign.ValueLayout.JAVA_BYTE, 12));
      for (long wrong : new long[] {-1, 65}) {
        assertThrows(
            IllegalArgumentException.class,
            () -> stream.copyToDevice(memory.address(), segment, wrong));
      }
    }
  }
}
