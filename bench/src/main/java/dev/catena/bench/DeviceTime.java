package dev.catena.bench;

import static org.openjdk.jmh.results.AggregationPolicy.AVG;

import dev.catena.device.Device;
import dev.catena.device.Event;
import dev.catena.device.Stream;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.DoubleSupplier;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * The device's own time, by events, as a second figure of each benchmark that has one: measured
 * after an iteration's last call, so that the events are not in the host's time.
 */
public final class DeviceTime implements InternalProfiler {
  private static final Map<String, DoubleSupplier> MILLIS = new HashMap<>();
  private static OptionalDouble measured = OptionalDouble.empty();

  /**
   * What the device takes for a benchmark.
   *
   * @param method the benchmark's, which the class that registers it holds
   * @param millis measures an invocation of it
   */
  static void of(String method, DoubleSupplier millis) {
    MILLIS.put(method, millis);
  }

  /** Measures {@code benchmark} while its device is open: JMH asks its profilers too late. */
  static void measure(BenchmarkParams benchmark) {
    String name = benchmark.getBenchmark();
    DoubleSupplier millis = MILLIS.get(name.substring(name.lastIndexOf('.') + 1));
    measured =
        millis == null
            ? OptionalDouble.empty()
            : OptionalDouble.of(millis.getAsDouble() / benchmark.getOpsPerInvocation());
  }

  /** Milliseconds of {@code work}, enqueued on {@code stream}, between two events. */
  static double of(Device device, Stream stream, Runnable work) {
    try (Event start = device.newEvent();
        Event end = device.newEvent()) {
      stream.record(start);
      work.run();
      stream.record(end);
      stream.synchronize();
      return end.millisecondsSince(start);
    }
  }

  @Override
  public String getDescription() {
    return "time on the device, by events";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    // Nothing: the iteration itself is the host's.
  }

  @Override
  public Collection<? extends Result<?>> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    return measured.stream()
        .mapToObj(millis -> new ScalarResult("device.time", 1e3 * millis, "us/op", AVG))
        .toList();
  }
}
