package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StreamTest {
  private Device device;
  private Stream stream;
  private DeviceMemory memory;

  @BeforeEach
  void open() {
    device = Device.open("host");
    stream = device.newStream();
    memory = device.allocate(64);
  }

  @AfterEach
  void close() {
    memory.close();
    device.close();
  }

  @Test
  void fillsAndCopiesInOrder() {
    long address = memory.address();
    stream.fillInts(address, 0x01020304, 8);
    stream.copy(address + 32, address, 16);
    stream.fill(address + 48, (byte) 9, 16);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment out = arena.allocate(JAVA_INT, 16);
      stream.copyToHost(out, address);
      stream.synchronize();
      int[] expected = new int[16];
      Arrays.fill(expected, 0, 12, 0x01020304);
      Arrays.fill(expected, 12, 16, 0x09090909);
      assertArrayEquals(expected, out.toArray(JAVA_INT));
    }
  }

  @Test
  void heapSegmentsAreCopiedBeforeTheCallReturns() {
    int[] values = {1, 2, 3};
    stream.copyToDevice(memory.address(), MemorySegment.ofArray(values));
    values[0] = 99;
    int[] back = new int[3];
    stream.copyToHost(MemorySegment.ofArray(back), memory.address());
    assertArrayEquals(new int[] {1, 2, 3}, back);
  }

  @Test
  void workIsAsynchronousAndEventsOrderIt() {
    Module probe = Probe.load(device);
    Launch sleep = probe.kernel("sleep_ms").prepare(Dim.of(1), Dim.of(1), 0, new Probe.Sleep(200));
    try (Stream other = device.newStream();
        Event start = device.newEvent();
        Event end = device.newEvent()) {
      stream.fillInts(memory.address(), 1, 1);
      stream.record(start);
      long before = System.nanoTime();
      sleep.enqueue(stream);
      stream.fillInts(memory.address(), 2, 1);
      stream.record(end);
      other.waitFor(end);
      assertTrue(System.nanoTime() - before < 150_000_000, "enqueueing waited for the kernel");
      assertFalse(stream.isIdle());
      assertFalse(end.isDone());
      int[] value = new int[1];
      other.copyToHost(MemorySegment.ofArray(value), memory.address());
      assertEquals(2, value[0], "the other stream did not wait");
      end.synchronize();
      assertTrue(end.isDone());
      stream.synchronize();
      assertTrue(stream.isIdle());
      float milliseconds = end.millisecondsSince(start);
      assertTrue(milliseconds >= 199 && milliseconds < 5000, milliseconds + " ms");
    }
  }

  @Test
  void anEventThatWasNeverRecordedIsDone() {
    try (Event event = device.newEvent()) {
      assertTrue(event.isDone());
      stream.waitFor(event);
      stream.synchronize();
    }
  }

  @Test
  void capturedWorkRunsOnlyWhenItIsLaunched() {
    Module probe = Probe.load(device);
    int n = 16;
    memory.upload(MemorySegment.ofArray(new float[n]));
    try (DeviceMemory x = device.allocate(4L * n)) {
      float[] values = Probe.ramp(n);
      x.upload(MemorySegment.ofArray(values));
      Launch axpy =
          probe
              .kernel("axpy")
              .prepare(
                  Dim.of(2), Dim.of(8), 0, new Probe.Axpy(x.address(), memory.address(), 2f, n));
      try (ExecutableGraph graph =
              stream.capture(
                  () -> {
                    axpy.enqueue(stream);
                    stream.fillInts(x.address(), 0, 1);
                    axpy.enqueue(stream);
                  });
          Stream other = device.newStream()) {
        assertEquals(3, graph.nodes());
        float[] y = new float[n];
        memory.download(MemorySegment.ofArray(y));
        assertArrayEquals(new float[n], y, "capturing ran the work");
        graph.launch(stream);
        graph.launch(stream);
        stream.synchronize();
        graph.launch(other);
        other.synchronize();
        memory.download(MemorySegment.ofArray(y));
        for (int i = 0; i < n; i++) {
          assertEquals(3 * 2 * 2f * i, y[i]);
        }
      }
    }
  }

  @Test
  void aCaptureEndsWhenItsWorkFails() {
    var failure = new IllegalArgumentException("from the work");
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                stream.capture(
                    () -> {
                      stream.fill(memory.address(), (byte) 1, 1);
                      throw failure;
                    }));
    assertSame(failure, e);
    stream.fill(memory.address(), (byte) 2, 1);
    stream.synchronize();
    byte[] value = new byte[1];
    memory.download(MemorySegment.ofArray(value));
    assertEquals(2, value[0]);
  }

  @Test
  void aCaptureTakesNoHeapSegment() {
    var e =
        assertThrows(
            IllegalStateException.class,
            () ->
                stream.capture(
                    () ->
                        stream.copyToDevice(memory.address(), MemorySegment.ofArray(new int[1]))));
    assertTrue(e.getMessage().startsWith("a heap segment cannot be copied while stream "));
    assertFalse(stream.isIdle() && e.getSuppressed().length > 0);
  }

  @Test
  void anotherCaptureMayRunMeanwhile() throws Exception {
    try (Stream other = device.newStream()) {
      ExecutableGraph[] inner = new ExecutableGraph[1];
      DeviceMemory[] more = new DeviceMemory[1];
      Thread thread =
          new Thread(
              () -> inner[0] = other.capture(() -> other.fill(memory.address(), (byte) 3, 1)));
      ExecutableGraph outer =
          stream.capture(
              () -> {
                thread.start();
                try {
                  thread.join();
                  more[0] = device.allocate(1024);
                } catch (InterruptedException e) {
                  throw new AssertionError(e);
                }
                stream.fill(memory.address(), (byte) 4, 1);
              });
      assertEquals(1, outer.nodes());
      assertEquals(1, inner[0].nodes());
      more[0].close();
    }
  }

  @Test
  void objectsOfAnotherDeviceAreRefused() {
    Launch launch =
        Probe.load(device).kernel("sleep_ms").prepare(Dim.of(1), Dim.of(1), 0, new Probe.Sleep(0));
    try (Device device2 = Device.open("host");
        Stream stream2 = device2.newStream();
        Event event2 = device2.newEvent();
        ExecutableGraph graph = stream.capture(() -> launch.enqueue(stream))) {
      assertThrows(IllegalArgumentException.class, () -> stream.record(event2));
      assertThrows(IllegalArgumentException.class, () -> stream.waitFor(event2));
      assertThrows(IllegalArgumentException.class, () -> launch.enqueue(stream2));
      assertThrows(IllegalArgumentException.class, () -> graph.launch(stream2));
    }
  }
}
