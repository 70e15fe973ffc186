package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.Faults;
import dev.catena.device.HeapMeter;
import dev.catena.error.DeviceException;
import dev.catena.error.DeviceLostException;
import dev.catena.network.GoldenWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import jdk.jfr.Recording;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(240)
@Tag("slow")
class SessionThreadsTest {
  private static final int THREADS = 16;
  private static final int LAUNCH_FAILED = 719;

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void sixteenThreadsOnOneSessionGetExactResults(int lanes) throws Exception {
    try (Device device = Device.open("host");
        Model model = Fixture.model();
        Session session = model.compile(device, Inference.batch(1, 2).lanes(lanes));
        Arena arena = Arena.ofShared()) {
      float[] one = Fixture.run(session, arena, 1);
      float[] two = Fixture.run(session, arena, 2);
      inThreads(
          thread -> {
            for (int run = 0; run < 6; run++) {
              boolean single = (thread + run) % 2 == 0;
              assertArrayEquals(single ? one : two, Fixture.run(session, arena, single ? 1 : 2));
            }
          });
    }
  }

  @Test
  void threadsGetLanesInTurn() throws Exception {
    try (Device device = Device.open("host");
        Model model = Fixture.model();
        Session session = model.compile(device, Inference.batch(1).lanes(2));
        Arena arena = Arena.ofShared()) {
      int[] runs = new int[THREADS];
      AtomicInteger total = new AtomicInteger();
      CountDownLatch running = new CountDownLatch(THREADS);
      inThreads(
          thread -> {
            running.countDown();
            running.await();
            while (total.incrementAndGet() <= 50 * THREADS) {
              Fixture.run(session, arena, 1);
              runs[thread]++;
            }
          });
      int least = Arrays.stream(runs).min().orElseThrow();
      assertTrue(least >= 25, () -> "runs of each thread: " + Arrays.toString(runs));
    }
  }

  @Test
  void reloadEndsUnderLoadAndNoRunMixesWeights() throws Exception {
    try (Device device = Device.open("host");
        Model model = Fixture.model();
        Session session = model.compile(device, Inference.batch(1).lanes(2));
        Arena arena = Arena.ofShared();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      float[] before = Fixture.run(session, arena, 1);
      session.reload(Parameters.initial(1));
      float[] after = Fixture.run(session, arena, 1);
      AtomicBoolean done = new AtomicBoolean();
      List<Future<Integer>> callers = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        callers.add(
            threads.submit(
                () -> {
                  int runs = 0;
                  for (; !done.get(); runs++) {
                    float[] logits = Fixture.run(session, arena, 1);
                    assertTrue(Arrays.equals(logits, before) || Arrays.equals(logits, after));
                  }
                  return runs;
                }));
      }
      for (int reload = 0; reload < 60; reload++) {
        session.reload(
            reload % 2 == 0
                ? node -> GoldenWeights.tensor(node.name(), node.output().shape())
                : Parameters.initial(1));
      }
      done.set(true);
      for (Future<Integer> caller : callers) {
        assertTrue(caller.get() > 0);
      }
    }
  }

  @Test
  void tryRunWaitsNoLongerThanItsTimeout() throws Exception {
    try (Device device = Device.open("host");
        Model model = Fixture.model();
        Session session = model.compile(device, Inference.batch(1));
        Arena arena = Arena.ofShared()) {
      MemorySegment images = Fixture.images(arena, 1);
      MemorySegment logits = Fixture.logits(arena, 1);
      assertTrue(session.tryRun(images, logits, Duration.ZERO));
      Thread holder = Thread.ofPlatform().start(() -> session.profile(images, 500));
      boolean refused = false;
      while (!refused && holder.isAlive()) {
        refused = !session.tryRun(images, logits, Duration.ofMillis(1));
      }
      assertTrue(refused);
      assertTrue(session.tryRun(images, logits, Duration.ofMinutes(2)));
      holder.join();
    }
  }

  @Test
  void closeDrainsRunsUnderWay() throws Exception {
    try (Device device = Device.open("host");
        Model model = Fixture.model();
        Arena arena = Arena.ofShared()) {
      Session session = model.compile(device, Inference.batch(2).lanes(2));
      float[] expected = Fixture.run(session, arena, 2);
      AtomicInteger refused = new AtomicInteger();
      CountDownLatch running = new CountDownLatch(THREADS);
      Thread closer =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      running.await();
                      session.close();
                    } catch (InterruptedException e) {
                      throw new IllegalStateException(e);
                    }
                  });
      inThreads(
          _ -> {
            running.countDown();
            for (int run = 0; run < 10_000; run++) {
              try {
                assertArrayEquals(expected, Fixture.run(session, arena, 2));
              } catch (IllegalStateException e) {
                assertEquals("the session is closed", e.getMessage());
                refused.incrementAndGet();
                return;
              }
            }
          });
      closer.join();
      assertEquals(THREADS, refused.get());
    }
  }

  @Test
  void aLostDeviceIsReportedOnceAndForAll() {
    try (Device device = Device.open("host");
        Model model = Fixture.model();
        Arena arena = Arena.ofShared()) {
      Session session = model.compile(device, Inference.batch(1));
      try {
        Fixture.run(session, arena, 1);
        Faults.inject(device, null, 3, LAUNCH_FAILED, true);
        DeviceException first =
            assertThrows(DeviceException.class, () -> Fixture.run(session, arena, 1));
        assertTrue(first.getMessage().contains("719"), first.getMessage());
        for (int i = 0; i < 3; i++) {
          DeviceLostException later =
              assertThrows(DeviceLostException.class, () -> Fixture.run(session, arena, 1));
          assertTrue(later.getMessage().contains("719"), later.getMessage());
        }
      } finally {
        session.close();
        Faults.clear(device);
      }
    }
  }

  @ParameterizedTest(name = "with Flight Recorder: {0}")
  @ValueSource(booleans = {false, true})
  void aSteadyRunAllocatesNothingOnTheHeap(boolean recorded) throws Throwable {
    MethodHandle allocated = HeapMeter.allocatedBytes();
    try (Recording recording = new Recording();
        Device device = Device.open("host");
        Model model = Fixture.model();
        Session session = model.compile(device, Inference.batch(1));
        Arena arena = Arena.ofConfined()) {
      MemorySegment images = Fixture.images(arena, 1);
      MemorySegment logits = Fixture.logits(arena, 1);
      if (recorded) {
        recording.enable("dev.catena.SessionRun").withoutThreshold();
        recording.start();
      }
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 40 && least > 0; round++) {
        long before = (long) allocated.invokeExact();
        for (int run = 0; run < 100; run++) {
          session.run(images, logits);
        }
        least = Math.min(least, (long) allocated.invokeExact() - before);
      }
      assertEquals(0, least);
      assertTrue(logits.get(ValueLayout.JAVA_FLOAT, 0) != 0);
    }
  }

  private interface Body {
    void run(int thread) throws Exception;
  }

  private static void inThreads(Body body) throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      List<Callable<Void>> tasks = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        int thread = i;
        tasks.add(
            () -> {
              body.run(thread);
              return null;
            });
      }
      for (Future<Void> done : threads.invokeAll(tasks)) {
        done.get();
      }
    }
  }
}
