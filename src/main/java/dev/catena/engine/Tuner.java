package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Event;
import dev.catena.device.Stream;
import dev.catena.graph.Layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Measures who computes a problem fastest on this device, and remembers. Thread-safe; one problem
 * is measured at a time.
 */
public final class Tuner {
  private static final int RUNS = 7;
  private static final long SEED = 20161;

  private final Device device;
  private final TuningCache cache;

  /**
   * A tuner of one device.
   *
   * @param cache where choices of earlier processes are
   */
  public Tuner(Device device, TuningCache cache) {
    this.device = device;
    this.cache = cache;
  }

  /** The engine whose median time is the smallest; from the cache if it was measured before. */
  public synchronized Engine fastest(Problem problem, List<Engine> engines) {
    String remembered = cache.choice(problem).orElse(null);
    for (Engine engine : engines) {
      if (engine.name().equals(remembered)) {
        return engine;
      }
    }
    Map<String, Double> micros = new HashMap<>();
    Engine best = null;
    for (Engine engine : engines) {
      micros.put(engine.name(), measure(problem, engine));
      if (best == null || micros.get(engine.name()) < micros.get(best.name())) {
        best = engine;
      }
    }
    cache.remember(problem, best.name(), micros);
    return best;
  }

  /** Writes the choices to their file. */
  void save() {
    cache.save();
  }

  /** Median device time in microseconds of one engine on random data. */
  private double measure(Problem problem, Engine engine) {
    try (Trial trial = new Trial(problem, engine.workspace(problem, device));
        Work work = engine.prepare(problem, trial, device);
        Stream stream = device.newStream();
        Event start = device.newEvent();
        Event end = device.newEvent()) {
      double[] micros = new double[RUNS];
      for (int i = -2; i < RUNS; i++) { // two to warm up
        stream.record(start);
        work.enqueue(stream);
        stream.record(end);
        stream.synchronize();
        micros[Math.max(i, 0)] = 1000 * end.millisecondsSince(start);
      }
      Arrays.sort(micros);
      return micros[RUNS / 2];
    }
  }

  /** Memory of its own for one problem, filled with random numbers. */
  private final class Trial implements Binding, AutoCloseable {
    private final Problem problem;
    private final List<DeviceMemory> memory = new ArrayList<>();
    private final long[] inputs;
    private final long output;
    private final long[] byproducts;
    private final long workspace;
    private final Map<Integer, float[]> values = new HashMap<>();

    Trial(Problem problem, long workspaceBytes) {
      this.problem = problem;
      inputs = new long[problem.inputs().size()];
      try {
        for (int i = 0; i < inputs.length; i++) {
          Operand operand = problem.input(i);
          if (operand.layout() != Layout.PARAMETER) {
            inputs[i] = activation(operand);
          }
        }
        output = activation(problem.output());
        byproducts = problem.byproducts().stream().mapToLong(this::activation).toArray();
        workspace = workspaceBytes == 0 ? 0 : allocate(workspaceBytes).address();
      } catch (RuntimeException e) {
        close();
        throw e;
      }
    }

    private long activation(Operand operand) {
      long elements = operand.bufferElements();
      DeviceMemory whole = allocate(elements * operand.dtype().bytes());
      SplittableRandom random = new SplittableRandom(SEED);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment data = arena.allocate(whole.bytes(), Float.BYTES);
        for (long i = 0; i < elements; i++) {
          float value = (float) (2 * random.nextDouble() - 1);
          switch (operand.dtype()) {
            case FP32 -> data.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
            case FP16, BF16 ->
                data.setAtIndex(ValueLayout.JAVA_SHORT, i, operand.dtype().toBits(value));
          }
        }
        whole.upload(data);
      }
      return whole.address() + (long) operand.firstChannel() * operand.dtype().bytes();
    }

    private DeviceMemory allocate(long bytes) {
      DeviceMemory one = device.allocate(bytes);
      memory.add(one);
      return one;
    }

    @Override
    public long input(int index) {
      return inputs[index];
    }

    @Override
    public long output() {
      return output;
    }

    @Override
    public long byproduct(int index) {
      return byproducts[index];
    }

    @Override
    public long workspace() {
      return workspace;
    }

    @Override
    public float[] values(int index) {
      return values.computeIfAbsent(
          index,
          i -> {
            float[] random = new float[Math.toIntExact(problem.input(i).shape().elements())];
            SplittableRandom source = new SplittableRandom(SEED + i);
            for (int j = 0; j < random.length; j++) {
              random[j] = (float) (source.nextDouble() - 0.5);
            }
            return random;
          });
    }

    @Override
    public long constant(int index, String layout, long bytes, Packer packer) {
      DeviceMemory packed = allocate(bytes);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment data = arena.allocate(bytes, 64);
        packer.pack(values(index), data);
        packed.upload(data);
      }
      return packed.address();
    }

    @Override
    public void close() {
      memory.forEach(DeviceMemory::close);
    }
  }
}
