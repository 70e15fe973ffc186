package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Event;
import dev.catena.device.Launch;
import dev.catena.device.Stream;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Measures offers for one problem, in memory of its own filled with random numbers. Times are those
 * of the device's events around all launches of one run; before each but the first, which warms up,
 * the operands are driven out of the caches, as by the other layers of a network. For one thread at
 * a time.
 */
public final class EngineTimer implements AutoCloseable {
  /** Runs before one is given up, and how many times slower than the limit it then is. */
  private static final int LEAST_RUNS = 2;

  private static final double HOPELESS = 1.5;

  /** The same of the very first run, which warms up. */
  private static final double HOPELESS_COLD = 4;

  /** Runs that are enough of what takes long, whose noise is small, and microseconds of them. */
  private static final int ENOUGH_RUNS = 3;

  private static final double ENOUGH_MICROS = 6000;

  /** {@code CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE}. */
  private static final int L2_CACHE_BYTES = 38;

  private final Device device;
  private final int runs;
  private final TrialMemory memory;
  private final Optional<DeviceMemory> cache;

  /**
   * A timer of one problem.
   *
   * @param runs to measure, after one to warm up
   * @throws dev.catena.error.OutOfDeviceMemoryException if its operands do not fit
   */
  public EngineTimer(Device device, Problem problem, int runs) {
    this.device = device;
    this.runs = runs;
    this.memory = new TrialMemory(device, problem);
    try {
      boolean host = device.kind() == Device.Kind.HOST;
      cache = host ? Optional.empty() : Optional.of(device.allocate(cacheBytes()));
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  private long cacheBytes() {
    return 2L * Math.max(1 << 20, device.attribute(L2_CACHE_BYTES));
  }

  /** Runs {@code offer} once. */
  public void run(Offer offer) {
    memory.reserve(offer.workspace());
    try (Work work = offer.prepare(memory);
        Stream stream = device.newStream()) {
      work.enqueue(stream);
      stream.synchronize();
    }
  }

  /** The time of {@code offer}. */
  public Timing time(Offer offer) {
    return time(offer, Double.POSITIVE_INFINITY);
  }

  /**
   * The same of fewer runs if the first of them show that it is much slower than {@code limit}.
   *
   * @param limit in microseconds
   */
  Timing time(Offer offer, double limit) {
    memory.reserve(offer.workspace());
    try (Work work = offer.prepare(memory);
        Stream stream = device.newStream();
        Event start = device.newEvent();
        Event end = device.newEvent()) {
      double cold = micros(work, stream, start, end);
      if (cold > HOPELESS_COLD * limit) {
        return Timing.of(cold);
      }
      List<Launch> evictions = cache.isEmpty() ? memory.evictions() : List.of();
      double[] micros = new double[runs];
      double least = Double.POSITIVE_INFINITY;
      double sum = 0;
      int measured = 0;
      while (measured < runs
          && (measured < LEAST_RUNS
              || least < HOPELESS * limit && (measured < ENOUGH_RUNS || sum < ENOUGH_MICROS))) {
        cache.ifPresent(all -> stream.fill(all.address(), (byte) 0, all.bytes()));
        evictions.forEach(eviction -> eviction.enqueue(stream));
        micros[measured] = micros(work, stream, start, end);
        sum += micros[measured];
        least = Math.min(least, micros[measured++]);
      }
      return Timing.of(Arrays.copyOf(micros, measured));
    }
  }

  private static double micros(Work work, Stream stream, Event start, Event end) {
    stream.record(start);
    work.enqueue(stream);
    stream.record(end);
    stream.synchronize();
    return 1000 * end.millisecondsSince(start);
  }

  @Override
  public void close() {
    cache.ifPresent(DeviceMemory::close);
    memory.close();
  }
}
