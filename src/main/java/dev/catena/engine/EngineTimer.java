package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Event;
import dev.catena.device.Stream;

/**
 * Measures engines on one problem, in memory of its own filled with random numbers. Times are those
 * of the device's events around all launches of one run; before each the cache that all its cores
 * share is overwritten, as by the other layers of a network. For one thread at a time.
 */
public final class EngineTimer implements AutoCloseable {
  private static final int WARM_UPS = 2;

  /** {@code CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE}; of a CPU the last level's. */
  private static final int L2_CACHE_BYTES = 38;

  private final Device device;
  private final Problem problem;
  private final int runs;
  private final TrialMemory memory;
  private final DeviceMemory cache;

  /**
   * A timer of one problem.
   *
   * @param runs to measure, after two to warm up
   * @throws dev.catena.error.OutOfDeviceMemoryException if its operands do not fit
   */
  public EngineTimer(Device device, Problem problem, int runs) {
    this.device = device;
    this.problem = problem;
    this.runs = runs;
    this.memory = new TrialMemory(device, problem);
    try {
      cache = device.allocate(2L * Math.max(1 << 20, device.attribute(L2_CACHE_BYTES)));
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  /** Runs {@code engine}, which supports the problem, once. */
  public void run(Engine engine) {
    memory.reserve(engine.workspace(problem, device));
    try (Work work = engine.prepare(problem, memory, device);
        Stream stream = device.newStream()) {
      work.enqueue(stream);
      stream.synchronize();
    }
  }

  /** The time of {@code engine}, which supports the problem. */
  public Timing time(Engine engine) {
    memory.reserve(engine.workspace(problem, device));
    try (Work work = engine.prepare(problem, memory, device);
        Stream stream = device.newStream();
        Event start = device.newEvent();
        Event end = device.newEvent()) {
      double[] micros = new double[runs];
      for (int i = -WARM_UPS; i < runs; i++) {
        stream.fill(cache.address(), (byte) 0, cache.bytes());
        stream.record(start);
        work.enqueue(stream);
        stream.record(end);
        stream.synchronize();
        micros[Math.max(i, 0)] = 1000 * end.millisecondsSince(start);
      }
      return Timing.of(micros);
    }
  }

  @Override
  public void close() {
    cache.close();
    memory.close();
  }
}
