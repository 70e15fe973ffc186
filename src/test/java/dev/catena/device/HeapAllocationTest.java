package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.invoke.MethodHandle;
import org.junit.jupiter.api.Test;

/** The calls of a running session leave no garbage. */
class HeapAllocationTest {
  private static final int CALLS = 2_000;

  @Test
  void launchesAllocateNothing() throws Throwable {
    try (Device device = Device.open("host");
        Stream stream = device.newStream()) {
      Launch launch =
          Probe.load(device)
              .kernel("sleep_ms")
              .prepare(Dim.of(1), Dim.of(1), 0, new Probe.Sleep(0));
      try (ExecutableGraph graph = stream.capture(() -> launch.enqueue(stream))) {
        assertEquals(0, leastAllocated(stream, () -> launch.enqueue(stream)), "Launch.enqueue");
        assertEquals(0, leastAllocated(stream, () -> graph.launch(stream)), "ExecutableGraph");
      }
    }
  }

  /** Bytes that this thread allocates in the quietest of several rounds. */
  private static long leastAllocated(Stream stream, Runnable call) throws Throwable {
    MethodHandle allocated = HeapMeter.allocatedBytes();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 8; round++) {
      long before = (long) allocated.invokeExact();
      for (int i = 0; i < CALLS; i++) {
        call.run();
      }
      least = Math.min(least, (long) allocated.invokeExact() - before);
      stream.synchronize();
    }
    return least;
  }
}
