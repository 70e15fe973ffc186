package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.CudaException;
import dev.catena.error.DeviceException;
import dev.catena.error.OutOfDeviceMemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceTest {
  private Device device;

  @BeforeEach
  void open() {
    device = Device.open("host");
  }

  @AfterEach
  void close() {
    device.close();
  }

  @Test
  void aLimitCapsWhatADeviceHandsOut() {
    try (Device limited = Device.open("host", 1 << 20)) {
      try (DeviceMemory most = limited.allocate(1 << 20)) {
        assertEquals(0, limited.freeMemory());
        var e = assertThrows(OutOfDeviceMemoryException.class, () -> limited.allocate(1));
        assertEquals(1 << 20, e.total());
        assertTrue(e.getMessage().endsWith("opened with this limit"), e.getMessage());
        assertTrue(device.freeMemory() > most.bytes(), "another device has no limit");
      }
      limited.allocate(1 << 20).close();
      assertThrows(IllegalArgumentException.class, () -> Device.open("host", 0));
    }
  }

  @Test
  void memoryThatIsFreeAndStillRefusedHasAnotherLimit() {
    try (Device device = Device.open("host")) {
      HostDevice host = HostDevice.of(device);
      host.setMemoryLimit(1L << 60); // more than there are addresses
      try {
        var e = assertThrows(OutOfDeviceMemoryException.class, () -> device.allocate(1L << 55));
        assertTrue(e.getMessage().contains("that much is free, but the system"), e.getMessage());
      } finally {
        host.setMemoryLimit(0);
      }
    }
  }

  @Test
  void describesTheHost() {
    assertEquals(Device.Kind.HOST, device.kind());
    assertEquals("host", device.id());
    assertFalse(device.name().isBlank());
    assertEquals(0, device.computeCapability());
    assertTrue(device.multiprocessors() > 0);
    assertTrue(device.threads() > 0);
    assertTrue(device.freeMemory() <= device.totalMemory());
    assertTrue(device.freeMemory() > 0);
    assertTrue(device.uuid().matches("[0-9a-f]{32}"), device.uuid());
    assertTrue(device.driverVersion().matches("\\d+\\.\\d+"), device.driverVersion());
    assertTrue(device.architectures().getLast().startsWith("host-"));
    assertTrue(device.describe().startsWith("host: " + device.name() + " ("), device.describe());
    assertTrue(Device.available().contains("host"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "host:0", "HOST"})
  void otherNamesAreRefused(String id) {
    var e = assertThrows(IllegalArgumentException.class, () -> Device.open(id));
    assertEquals(
        "a device is named \"host\", \"cuda:N\" or \"ptx:N\", not \"" + id + "\"", e.getMessage());
  }

  @Test
  void countsMemoryExactly() {
    long before = device.usedMemory();
    device.resetPeakMemory();
    try (DeviceMemory memory = device.allocate(3 << 20)) {
      assertEquals(3 << 20, memory.bytes());
      assertEquals(0, memory.address() % 256);
      assertEquals(before + (3 << 20), device.usedMemory());
    }
    assertEquals(before, device.usedMemory());
    assertEquals(before + (3 << 20), device.peakMemory());
  }

  @Test
  void sizesMustBePositive() {
    assertThrows(IllegalArgumentException.class, () -> device.allocate(0));
    assertThrows(IllegalArgumentException.class, () -> device.allocateHost(-1));
  }

  @Test
  void outOfMemorySaysWhatWasAskedForAndWhatThereIs() {
    HostDevice host = HostDevice.of(device);
    host.setMemoryLimit(64L << 20);
    try (DeviceMemory taken = device.allocate(48L << 20)) {
      var e =
          assertThrows(OutOfDeviceMemoryException.class, () -> device.allocate((16L << 20) + 1));
      assertEquals((16L << 20) + 1, e.requested());
      assertEquals(64L << 20, e.total());
      assertTrue(e.free() <= 16L << 20, e.getMessage());
      assertEquals(
          "out of memory on host: 16,777,217 bytes requested, %,d of 67,108,864 bytes free"
              .formatted(e.free()),
          e.getMessage());
      device.allocate(8L << 20).close();
      taken.upload(MemorySegment.ofArray(new byte[] {1}));
    } finally {
      host.setMemoryLimit(0);
    }
    device.allocate(65L << 20).close();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 1000, (4 << 20) - 1, (4 << 20) + 1, 9 << 20})
  void copiesHeapAndNativeSegments(int bytes) {
    byte[] sent = new byte[bytes];
    new Random(bytes).nextBytes(sent);
    try (Arena arena = Arena.ofConfined();
        DeviceMemory memory = device.allocate(bytes)) {
      memory.upload(MemorySegment.ofArray(sent));
      MemorySegment there = arena.allocate(bytes);
      memory.download(there);
      assertArrayEquals(sent, there.toArray(JAVA_BYTE));
      there.set(JAVA_BYTE, bytes - 1, (byte) (sent[bytes - 1] + 1));
      memory.upload(there);
      byte[] back = new byte[bytes];
      memory.download(MemorySegment.ofArray(back));
      assertArrayEquals(there.toArray(JAVA_BYTE), back);
    }
  }

  @Test
  void copiesStayWithinTheMemory() {
    try (DeviceMemory memory = device.allocate(10)) {
      MemorySegment four = MemorySegment.ofArray(new byte[] {1, 2, 3, 4});
      memory.upload(MemorySegment.ofArray(new byte[10]));
      memory.upload(6, four);
      byte[] all = new byte[10];
      memory.download(MemorySegment.ofArray(all));
      assertArrayEquals(new byte[] {0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, all);
      for (long offset : new long[] {-1, 7, 11, Long.MAX_VALUE}) {
        assertThrows(IndexOutOfBoundsException.class, () -> memory.upload(offset, four));
        assertThrows(IndexOutOfBoundsException.class, () -> memory.download(offset, four));
      }
      assertThrows(IllegalArgumentException.class, () -> memory.download(four.asReadOnly()));
    }
  }

  @Test
  void aSegmentOfAClosedArenaIsRefused() {
    MemorySegment dead;
    try (Arena arena = Arena.ofConfined()) {
      dead = arena.allocate(8);
    }
    try (DeviceMemory memory = device.allocate(8)) {
      assertThrows(IllegalStateException.class, () -> memory.upload(dead));
      assertThrows(IllegalStateException.class, () -> memory.download(dead));
    }
  }

  @Test
  void hostMemoryIsUnusableAfterItsEnd() {
    HostMemory memory = device.allocateHost(64);
    MemorySegment segment = memory.segment();
    assertEquals(64, segment.byteSize());
    segment.fill((byte) 7);
    memory.close();
    memory.close();
    assertThrows(IllegalStateException.class, () -> segment.get(JAVA_BYTE, 0));
  }

  @Test
  void aMissingKernelFileIsNamedWithThePlaces() {
    var e = assertThrows(DeviceException.class, () -> device.module("no_such_file"));
    assertTrue(
        e.getMessage()
            .startsWith(
                "this build of Catena has no kernel file no_such_file for host (looked for"
                    + " no_such_file.so in "
                    + String.join(", ", device.architectures())),
        e.getMessage());
  }

  @Test
  void anImageThatIsNoneIsRefusedWithTheDriversReason() {
    var image = new KernelImages.Image("broken.so", "not an image".getBytes());
    var e = assertThrows(CudaException.class, () -> device.load("broken", image));
    assertEquals("cuModuleLoadDataEx of broken.so", e.function());
    assertFalse(e.sticky());
    device.newStream().close();
  }

  @Test
  void twoDevicesShareTheHost() {
    try (Device other = Device.open("host");
        DeviceMemory memory = device.allocate(4);
        Stream stream = other.newStream()) {
      stream.fill(memory.address(), (byte) 5, 4);
      stream.synchronize();
      byte[] bytes = new byte[4];
      memory.download(MemorySegment.ofArray(bytes));
      assertArrayEquals(new byte[] {5, 5, 5, 5}, bytes);
    }
  }

  @Test
  void availableDevicesOpen() {
    List<String> names = Device.available();
    assertEquals("host", names.getLast());
    for (String name : names) {
      Device.open(name).close();
    }
  }
}
