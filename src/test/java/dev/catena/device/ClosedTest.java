package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Closing twice, using what is closed, closing what is used. */
class ClosedTest {
  private static final MemorySegment FOUR = MemorySegment.ofArray(new byte[4]);
  private static final Logger LOG = Logger.getLogger("dev.catena.device");

  private final List<String> said = new CopyOnWriteArrayList<>();

  /** What a device says of memory that is left to it on purpose is kept from the tests' output. */
  @BeforeEach
  void listen() {
    LOG.setFilter(
        record -> {
          said.add(record.getMessage());
          return false;
        });
  }

  @AfterEach
  void leave() {
    LOG.setFilter(null);
  }

  @Test
  void everyUseAfterCloseSaysWhatIsClosed() {
    try (Device device = Device.open("host")) {
      DeviceMemory memory = device.allocate(4);
      long address = memory.address();
      Stream stream = device.newStream();
      Event event = device.newEvent();
      Launch launch =
          Probe.load(device)
              .kernel("sleep_ms")
              .prepare(Dim.of(1), Dim.of(1), 0, new Probe.Sleep(0));
      ExecutableGraph graph = stream.capture(() -> launch.enqueue(stream));
      try (Stream open = device.newStream()) {
        for (AutoCloseable closed : List.of(graph, event, stream, memory)) {
          closeTwice(closed);
        }
        closed("memory", memory::address, () -> memory.upload(FOUR), () -> memory.download(FOUR));
        closed(
            "event",
            event::synchronize,
            event::isDone,
            () -> event.millisecondsSince(event),
            () -> open.record(event),
            () -> open.waitFor(event));
        closed(
            "stream",
            stream::handle,
            stream::synchronize,
            stream::isIdle,
            () -> stream.copyToDevice(address, FOUR),
            () -> stream.copyToHost(FOUR, address),
            () -> stream.copy(address, address, 0),
            () -> stream.fill(address, (byte) 0, 4),
            () -> stream.fillInts(address, 0, 1),
            () -> stream.capture(() -> {}),
            () -> launch.enqueue(stream));
        closed("graph", () -> graph.launch(open));
      }
    }
  }

  @Test
  void aClosedDeviceClosesAllThatIsItsOwn() {
    Device device = Device.open("host");
    long used = device.usedMemory();
    Module probe = Probe.load(device);
    Kernel kernel = probe.kernel("sleep_ms");
    Launch launch = kernel.prepare(Dim.of(1), Dim.of(1), 0, new Probe.Sleep(0));
    Stream stream = device.newStream();
    ExecutableGraph graph = stream.capture(() -> launch.enqueue(stream));
    DeviceMemory memory = device.allocate(1 << 20);
    closeTwice(device);
    String one =
        "device host closes with 1 allocations (1,048,576 bytes) still open; they are freed";
    assertEquals(List.of(one), said);
    closed("stream", stream::synchronize, () -> launch.enqueue(stream));
    closed("graph", () -> graph.launch(stream));
    closed("memory", memory::address);
    closed(
        "device host",
        device::usedMemory,
        device::freeMemory,
        device::threads,
        device::uuid,
        device::makeCurrent,
        device::newStream,
        device::newEvent,
        () -> device.attribute(16),
        () -> device.allocate(1),
        () -> device.allocateHost(1),
        () -> device.module("any"),
        () -> probe.kernel("axpy"),
        () -> kernel.activeBlocks(1, 0),
        () -> kernel.prepare(Dim.of(1), Dim.of(1), 0, new Probe.Sleep(0)));
    List.of(graph, memory, stream).forEach(ClosedTest::closeTwice);
    try (Device again = Device.open("host")) {
      assertEquals(used, again.usedMemory(), "memory that was open is not freed");
    }
  }

  @Test
  void closingWaitsForCallsThatAreUnderWay() throws Exception {
    try (Device device = Device.open("host")) {
      Launch sleep =
          Probe.load(device)
              .kernel("sleep_ms")
              .prepare(Dim.of(1), Dim.of(1), 0, new Probe.Sleep(300));
      Stream stream = device.newStream();
      sleep.enqueue(stream);
      CountDownLatch waiting = new CountDownLatch(1);
      try (var threads = Executors.newSingleThreadExecutor()) {
        Future<?> synchronize =
            threads.submit(
                () -> {
                  waiting.countDown();
                  stream.synchronize();
                });
        waiting.await();
        Thread.sleep(50);
        stream.close();
        synchronize.get();
      }
    }
  }

  @Test
  void threadsThatUseWhatIsBeingClosedSeeOnlyThat() throws Exception {
    for (int round = 0; round < 10; round++) {
      Device device = Device.open("host");
      Stream stream = device.newStream();
      DeviceMemory memory = device.allocate(1024);
      long address = memory.address();
      Launch launch =
          Probe.load(device)
              .kernel("sleep_ms")
              .prepare(Dim.of(1), Dim.of(1), 0, new Probe.Sleep(0));
      CountDownLatch running = new CountDownLatch(16);
      try (var threads = Executors.newFixedThreadPool(16)) {
        List<Future<?>> users =
            IntStream.range(0, 16)
                .<Future<?>>mapToObj(
                    t ->
                        threads.submit(
                            () -> {
                              running.countDown();
                              while (true) {
                                launch.enqueue(stream);
                                stream.fill(address, (byte) t, 1024);
                                device.newEvent().close();
                              }
                            }))
                .collect(Collectors.toList());
        running.await();
        Thread.sleep(5);
        device.close();
        for (Future<?> user : users) {
          Throwable cause = assertThrows(ExecutionException.class, user::get).getCause();
          assertEquals(IllegalStateException.class, cause.getClass(), cause.toString());
          assertTrue(cause.getMessage().endsWith(" is closed"), cause.getMessage());
        }
      }
    }
  }

  private static void closed(String what, Executable... uses) {
    for (Executable use : uses) {
      String message = assertThrows(IllegalStateException.class, use).getMessage();
      assertTrue(message.matches(what + "( \\d+ of host)? is closed"), message);
    }
  }

  private static void closeTwice(AutoCloseable closeable) {
    try {
      closeable.close();
      closeable.close();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
