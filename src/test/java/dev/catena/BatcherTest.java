package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.network.GoldenWeights;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(240)
class BatcherTest {
  private static final int MOST = 4;
  private static final int IMAGE = 3 * Fixture.SIZE * Fixture.SIZE;

  private Device device;
  private Model model;
  private Session session;

  @BeforeEach
  void open() {
    device = Device.open("host");
    model = Fixture.model();
    session = model.compile(device, Inference.batch(1, MOST));
  }

  @AfterEach
  void close() {
    session.close();
    model.close();
    device.close();
  }

  private static float[] image(int index) {
    float[] all = GoldenWeights.images(MOST, Fixture.SIZE, Fixture.SIZE);
    return Arrays.copyOfRange(all, index * IMAGE, (index + 1) * IMAGE);
  }

  @Test
  void threadsGetTheirOwnRowsFromBatchesOfSeveral(@TempDir Path folder) throws Exception {
    float[][] expected = new float[MOST][];
    for (int i = 0; i < MOST; i++) {
      expected[i] = session.run(image(i));
    }
    try (Recording recording = new Recording();
        Batcher batcher = session.batcher(Duration.ofMillis(20), MOST);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      recording.enable("dev.catena.Batch").withoutThreshold();
      recording.start();
      List<Future<float[]>> rows = new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        float[] image = image(i % MOST);
        rows.add(threads.submit(() -> batcher.run(image)));
      }
      for (int i = 0; i < rows.size(); i++) {
        assertArrayEquals(expected[i % MOST], rows.get(i).get());
      }
      BatcherMetrics metrics = batcher.metrics();
      assertEquals(24, metrics.computed());
      assertEquals(24, metrics.latencies().stream().mapToLong(n -> n).sum());
      assertEquals(0, metrics.queued());
      assertTrue(metrics.meanBatch() > 1, metrics::toString);
      assertTrue(metrics.latencyMillis(0.5) <= metrics.latencyMillis(0.99), metrics::toString);
      Path file = folder.resolve("batches.jfr");
      recording.dump(file);
      int images =
          RecordingFile.readAllEvents(file).stream()
              .filter(event -> event.getEventType().getName().equals("dev.catena.Batch"))
              .mapToInt(event -> event.getInt("images"))
              .sum();
      assertEquals(24, images);
    }
  }

  @Test
  void severalLanesServeMoreCallersThanTheQueueTakesAtOnce() throws Exception {
    float[] expected = session.run(image(1));
    try (Session lanes = model.compile(device, Inference.batch(1, MOST).lanes(3));
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      try (Batcher batcher = lanes.batcher(Duration.ofMillis(1), MOST)) {
        List<Future<?>> done = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
          boolean waits = i % 2 == 0;
          done.add(
              threads.submit(
                  () -> {
                    for (int run = 0; run < 10; run++) {
                      float[] image = image(1);
                      float[] row = waits ? batcher.run(image) : batcher.submit(image).get();
                      assertArrayEquals(expected, row);
                    }
                    return null;
                  }));
        }
        for (Future<?> one : done) {
          one.get();
        }
        assertEquals(120, batcher.metrics().computed());
      }
    }
  }

  @Test
  void aCallerInterruptedDeepInTheQueueIsNotMadeLeader() throws Exception {
    try (Session lanes = model.compile(device, Inference.batch(1, MOST).lanes(2))) {
      for (int round = 0; round < 20; round++) {
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Thread reloading = Thread.ofPlatform().start(() -> lanes.reload(waiting(held, release)));
        held.await();
        Batcher batcher = lanes.batcher(Duration.ZERO, 1);
        CompletableFuture<float[]> first = batcher.submit(image(0));
        CompletableFuture<float[]> second = batcher.submit(image(1));
        while (batcher.metrics().queued() > 0) {
          Thread.onSpinWait();
        }
        CompletableFuture<float[]> third = batcher.submit(image(2));
        Thread gone =
            Thread.ofPlatform()
                .start(() -> assertThrows(InterruptedException.class, () -> batcher.run(image(3))));
        while (batcher.metrics().queued() < 2) {
          Thread.onSpinWait();
        }
        CompletableFuture<float[]> last = batcher.submit(image(0));
        gone.interrupt();
        gone.join();
        release.countDown();
        reloading.join();
        CompletableFuture.allOf(first, second, third, last).get(30, TimeUnit.SECONDS);
        Thread closing = Thread.ofPlatform().daemon().start(batcher::close);
        assertTrue(closing.join(Duration.ofSeconds(10)), "the batcher does not close");
        assertEquals(1, batcher.metrics().cancelled());
      }
    }
  }

  @Test
  void whatIsChainedToAFutureMayUseTheBatcher() throws Exception {
    float[] expected = session.run(image(1));
    try (Batcher batcher = session.batcher(Duration.ZERO, MOST)) {
      for (int round = 0; round < 20; round++) {
        CompletableFuture<float[]> row =
            batcher
                .submit(image(0))
                .thenApply(
                    _ -> {
                      try {
                        return batcher.run(image(1));
                      } catch (InterruptedException e) {
                        throw new AssertionError(e);
                      }
                    });
        assertArrayEquals(expected, row.get(10, TimeUnit.SECONDS));
      }
    }
  }

  @Test
  void aLoneCallerDoesNotWait() throws Exception {
    try (Batcher batcher = session.batcher(Duration.ofHours(1), MOST)) {
      float[] row = batcher.run(image(0));
      assertArrayEquals(session.run(image(0)), row);
      assertEquals(1, batcher.metrics().batches().get(1));
    }
  }

  @Test
  void aFullQueueRejectsACancelledImageIsNotComputedAndCloseDrains() throws Exception {
    CountDownLatch held = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    Thread reloading = Thread.ofPlatform().start(() -> session.reload(waiting(held, release)));
    held.await();
    Batcher batcher = session.batcher(Duration.ZERO, MOST, 3);
    List<CompletableFuture<float[]>> rows = new ArrayList<>();
    rows.add(batcher.submit(image(0)));
    while (batcher.metrics().queued() > 0) {
      Thread.onSpinWait(); // until it waits for the lane
    }
    for (int i = 1; i < MOST; i++) {
      rows.add(batcher.submit(image(i)));
    }
    assertThrows(RejectedExecutionException.class, () -> batcher.run(image(0)));
    assertTrue(rows.get(2).cancel(false));
    Thread closing = Thread.ofPlatform().start(batcher::close);
    release.countDown();
    closing.join();
    reloading.join();
    for (int i : new int[] {0, 1, 3}) {
      assertArrayEquals(session.run(image(i)), rows.get(i).resultNow());
    }
    assertThrows(IllegalStateException.class, () -> batcher.run(image(0)));
    BatcherMetrics metrics = batcher.metrics();
    assertEquals(
        List.of(3L, 1L, 1L), List.of(metrics.computed(), metrics.rejected(), metrics.cancelled()));
    batcher.close();
  }

  /** Weights that are given when the latch opens; the session lends no lane before. */
  private static Parameters waiting(CountDownLatch held, CountDownLatch release) {
    return node -> {
      held.countDown();
      try {
        release.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return GoldenWeights.tensor(node.name(), node.output().shape());
    };
  }

  @Test
  void aThreadThatIsInterruptedWaitsNoLongerAndOthersGoOn() throws Exception {
    CountDownLatch held = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    Thread reloading = Thread.ofPlatform().start(() -> session.reload(waiting(held, release)));
    held.await();
    try (Batcher batcher = session.batcher(Duration.ZERO, MOST)) {
      CompletableFuture<float[]> first = batcher.submit(image(0));
      while (batcher.metrics().queued() > 0) {
        Thread.onSpinWait();
      }
      CompletableFuture<Throwable> failure = new CompletableFuture<>();
      Thread waiting =
          Thread.ofVirtual()
              .start(
                  () ->
                      failure.complete(
                          assertThrows(InterruptedException.class, () -> batcher.run(image(1)))));
      while (batcher.metrics().queued() == 0) {
        Thread.onSpinWait();
      }
      waiting.interrupt();
      assertEquals(InterruptedException.class, failure.get().getClass());
      CompletableFuture<float[]> last = batcher.submit(image(2));
      release.countDown();
      assertArrayEquals(first.get(), session.run(image(0)));
      assertArrayEquals(last.get(), session.run(image(2)));
      assertEquals(1, batcher.metrics().cancelled());
    }
    reloading.join();
  }

  @Test
  void aFailureReachesItsCallers() {
    Batcher batcher = session.batcher(Duration.ZERO, MOST);
    session.close();
    assertThrows(IllegalStateException.class, () -> batcher.run(image(0)));
    assertEquals(1, batcher.metrics().failed());
    batcher.close();
  }

  @Test
  void whatCannotBeIsRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> session.batcher(Duration.ZERO, MOST + 1).close());
    try (Batcher batcher = session.batcher(Duration.ZERO, MOST)) {
      assertThrows(IllegalArgumentException.class, () -> batcher.run(new float[IMAGE + 1]));
    }
  }
}
