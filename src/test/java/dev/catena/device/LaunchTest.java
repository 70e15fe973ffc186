package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.error.DeviceException;
import dev.catena.error.KernelMismatchException;
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
  private record Echo(long out, int i, long l, float f, double d) {}

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
      Echo echo = new Echo(out.address(), -7, 1L << 40, 0.5f, Math.PI);
      Launch launch = probe.kernel("echo").prepare(Dim.of(2, 3, 4), Dim.of(5, 6, 7), 0, echo);
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
          .prepare(Dim.of(4), Dim.of(256), 256 * 4, new Probe.Reverse(memory.address()))
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
      probe
          .kernel("reverse")
          .prepare(Dim.of(1), Dim.of(64), bytes, new Probe.Reverse(memory.address()))
          .enqueue(stream);
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
    var none = new Probe.Sleep(0);
    var e = assertThrows(IllegalArgumentException.class, () -> kernel.prepare(one, large, 0, none));
    assertEquals(
        "sleep_ms runs at most %1$d threads in a block, not %1$dx2x1"
            .formatted(kernel.maxThreads()),
        e.getMessage());
    assertThrows(IllegalArgumentException.class, () -> kernel.prepare(one, one, -1, none));
    assertThrows(IllegalArgumentException.class, () -> Dim.of(0));
    var other =
        assertThrows(
            KernelMismatchException.class, () -> kernel.prepare(one, one, 0, new Probe.Reverse(0)));
    assertEquals(
        "kernel sleep_ms takes int milliseconds as field 0 of its parameters, and Reverse has"
            + " nothing; change the struct in kernels/ and its launch alike, and build both",
        other.getMessage());
  }

  @Test
  void aLayoutOfAnotherBuildIsRefused() {
    refused("sleep_ms 8 milliseconds:long:0", "takes 4 bytes of parameters, not 8");
    refused("axpy 4 n:int:0", "layouts.txt has no parameters of kernel sleep_ms");
  }

  private void refused(String layouts, String why) {
    var image =
        new KernelImages.Image("probe.so", Probe.image(), ParameterLayout.parse(layouts, "test"));
    Module other = device.load("other", image);
    var e = assertThrows(DeviceException.class, () -> other.kernel("sleep_ms"));
    assertTrue(e.getMessage().contains(why), e.getMessage());
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
      Launch axpy =
          probe
              .kernel("axpy")
              .prepare(Dim.of(4), Dim.of(64), 0, new Probe.Axpy(x.address(), y.address(), 1, n));
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
      Launch axpy =
          probe
              .kernel("axpy")
              .prepare(
                  Dim.of(8), Dim.of(128), 0, new Probe.Axpy(x.address(), y.address(), slope, n));
      for (int i = 0; i < 50; i++) {
        axpy.enqueue(own);
      }
      own.copyToHost(MemorySegment.ofArray(values), y.address());
      return values;
    }
  }
}
