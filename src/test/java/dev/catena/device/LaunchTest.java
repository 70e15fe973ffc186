package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.DeviceException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LaunchTest {
  private Device device;
  private Stream stream;
  private Module probe;

  @BeforeEach
  void open() {
    device = Device.open("host");
    stream = device.newStream();
    probe = Probe.load(device);
  }

  @AfterEach
  void close() {
    device.close();
  }

  @Test
  void passesEveryType() {
    try (DeviceMemory out = device.allocate(80)) {
      Launch launch =
          probe
              .kernel("echo")
              .prepare(Dim.of(2, 3, 4), Dim.of(5, 6, 7), 0, out, -7, 1L << 40, 0.5f, Math.PI);
      launch.enqueue(stream);
      stream.synchronize();
      double[] values = new double[10];
      out.download(MemorySegment.ofArray(values));
      assertArrayEquals(new double[] {-7, 1L << 40, 0.5, Math.PI, 2, 3, 4, 5, 6, 7}, values);
      assertEquals("echo<<<2x3x4, 5x6x7, 0>>>", launch.toString());
    }
  }

  @Test
  void runsBarriersInDynamicSharedMemory() {
    int[] data = new int[4 * 256];
    Arrays.setAll(data, i -> i);
    try (DeviceMemory memory = device.allocate(4L * data.length)) {
      memory.upload(MemorySegment.ofArray(data));
      probe
          .kernel("reverse")
          .prepare(Dim.of(4), Dim.of(256), 256 * 4, memory.address())
          .enqueue(stream);
      stream.synchronize();
      memory.download(MemorySegment.ofArray(data));
    }
    for (int i = 0; i < data.length; i++) {
      assertEquals(i / 256 * 256 + 255 - i % 256, data[i]);
    }
  }

  @Test
  void largeSharedMemoryIsAskedFor() {
    int bytes = 96 << 10;
    int[] data = new int[64];
    try (DeviceMemory memory = device.allocate(256)) {
      memory.upload(MemorySegment.ofArray(data));
      probe.kernel("reverse").prepare(Dim.of(1), Dim.of(64), bytes, memory).enqueue(stream);
      stream.synchronize();
    }
  }

  @Test
  void kernelsTellTheirNeeds() {
    Kernel kernel = probe.kernel("reverse");
    assertSame(kernel, probe.kernel("reverse"));
    assertEquals("reverse", kernel.name());
    assertTrue(kernel.maxThreads() >= 256, kernel.toString());
    assertTrue(kernel.registers() >= 0);
    assertEquals(0, kernel.localBytes());
    assertEquals(0, kernel.sharedBytes());
    assertTrue(kernel.activeBlocks(256, 1024) >= 1);
  }

  @Test
  void wrongLaunchesAreRefusedBeforeTheDriverSeesThem() {
    Kernel kernel = probe.kernel("sleep_ms");
    Dim one = Dim.of(1);
    Dim large = Dim.of(kernel.maxThreads(), 2);
    var e = assertThrows(IllegalArgumentException.class, () -> kernel.prepare(one, large, 0, 1));
    assertEquals(
        "sleep_ms runs at most %1$d threads in a block, not %1$dx2x1"
            .formatted(kernel.maxThreads()),
        e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> kernel.prepare(one, one, -1, 1));
    assertThrows(IllegalArgumentException.class, () -> Dim.of(0));
    for (Object wrong : new Object[] {null, "1", (short) 1, new int[1]}) {
      var argument =
          assertThrows(
              IllegalArgumentException.class,
              () -> kernel.prepare(one, one, 0, new Object[] {wrong}));
      assertTrue(argument.getMessage().startsWith("argument 0 of sleep_ms must be Integer"));
    }
  }

  @Test
  void argumentsMustMatchTheKernelsParameters() {
    Kernel kernel = probe.kernel("axpy");
    Dim one = Dim.of(1);
    var count =
        assertThrows(IllegalArgumentException.class, () -> kernel.prepare(one, one, 0, 1L, 2L, 3f));
    assertEquals("axpy takes 4 arguments, not 3", count.getMessage());
    var size =
        assertThrows(
            IllegalArgumentException.class, () -> kernel.prepare(one, one, 0, 1L, 2, 3f, 4));
    assertEquals("argument 1 of axpy has 8 bytes, not 4", size.getMessage());
  }

  @Test
  void aMissingKernelIsNamed() {
    var e = assertThrows(DeviceException.class, () -> probe.kernel("no_such_kernel"));
    assertEquals("kernel file probe.so has no kernel no_such_kernel", e.getMessage());
  }

  @Test
  void sixteenThreadsLaunchOnTheirOwnStreams() throws Exception {
    List<Callable<float[]>> tasks = new ArrayList<>();
    for (int t = 0; t < 16; t++) {
      float slope = t + 1;
      tasks.add(() -> accumulate(slope));
    }
    try (var threads = Executors.newFixedThreadPool(16)) {
      List<Future<float[]>> results = threads.invokeAll(tasks);
      for (int t = 0; t < 16; t++) {
        float[] y = results.get(t).get();
        for (int i = 0; i < y.length; i++) {
          assertEquals(50f * (t + 1) * i, y[i], "thread " + t + ", element " + i);
        }
      }
    }
  }

  @Test
  void sixteenVirtualThreadsShareOneStream() throws Exception {
    int n = 256;
    float[] ones = new float[n];
    Arrays.fill(ones, 1);
    try (DeviceMemory x = device.allocate(4L * n);
        DeviceMemory y = device.allocate(4L * n)) {
      x.upload(MemorySegment.ofArray(ones));
      y.upload(MemorySegment.ofArray(new float[n]));
      Launch axpy = probe.kernel("axpy").prepare(Dim.of(4), Dim.of(64), 0, x, y, 1f, n);
      try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
        for (int t = 0; t < 16; t++) {
          threads.execute(
              () -> {
                for (int i = 0; i < 100; i++) {
                  axpy.enqueue(stream);
                  Thread.yield();
                }
              });
        }
      }
      stream.synchronize();
      float[] sums = new float[n];
      y.download(MemorySegment.ofArray(sums));
      Arrays.fill(ones, 1600);
      assertArrayEquals(ones, sums);
    }
  }

  private float[] accumulate(float slope) {
    int n = 1000;
    float[] values = Probe.ramp(n);
    try (Stream own = device.newStream();
        DeviceMemory x = device.allocate(4L * n);
        DeviceMemory y = device.allocate(4L * n)) {
      x.upload(MemorySegment.ofArray(values));
      own.fill(y.address(), (byte) 0, 4L * n);
      Launch axpy = probe.kernel("axpy").prepare(Dim.of(8), Dim.of(128), 0, x, y, slope, n);
      for (int i = 0; i < 50; i++) {
        axpy.enqueue(own);
      }
      own.copyToHost(MemorySegment.ofArray(values), y.address());
      return values;
    }
  }
}
