package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.device.Stream;
import dev.catena.graph.Layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Operands of one problem for whoever measures it, filled with random numbers. */
final class TrialMemory implements Binding, AutoCloseable {
  private static final long SEED = 20161;

  /** Random numbers that are drawn; a prime, so that their repetition meets no pitch. */
  private static final long DRAWN = 65_537;

  /** Of a block that evicts. */
  private static final int EVICTED_BYTES = 1 << 18;

  private final Device device;
  private final Problem problem;
  private final List<DeviceMemory> memory = new ArrayList<>();
  private final long[] inputs;
  private final long[] outputs;
  private final Map<Integer, float[]> values = new HashMap<>();
  private final Map<String, Long> constants = new HashMap<>();
  private DeviceMemory workspace;

  TrialMemory(Device device, Problem problem) {
    this.device = device;
    this.problem = problem;
    inputs = new long[problem.inputs().size()];
    try (Stream stream = device.newStream()) {
      for (int i = 0; i < inputs.length; i++) {
        Operand operand = problem.input(i);
        if (operand.layout() != Layout.PARAMETER) {
          inputs[i] = activation(operand, stream);
        }
      }
      outputs = problem.outputs().stream().mapToLong(o -> activation(o, stream)).toArray();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private long activation(Operand operand, Stream stream) {
    long elements = operand.bufferElements();
    int width = operand.dtype().bytes();
    DeviceMemory whole = allocate(elements * width);
    long filled = Math.min(elements, DRAWN) * width;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(filled, Float.BYTES);
      SplittableRandom random = new SplittableRandom(SEED);
      for (long i = 0; i < filled / width; i++) {
        ElementPacking.put(data, operand.dtype(), i, (float) (2 * random.nextDouble() - 1));
      }
      whole.upload(data);
    }
    while (filled < whole.bytes()) {
      long bytes = Math.min(filled, whole.bytes() - filled);
      stream.copy(whole.address() + filled, whole.address(), bytes);
      filled += bytes;
    }
    stream.synchronize();
    return whole.address() + (long) operand.firstChannel() * width;
  }

  private DeviceMemory allocate(long bytes) {
    DeviceMemory one = device.allocate(bytes);
    memory.add(one);
    return one;
  }

  /** Has at least so many bytes of scratch memory from now on. */
  void reserve(long bytes) {
    if (bytes > 0 && (workspace == null || workspace.bytes() < bytes)) {
      workspace = allocate(bytes);
    }
  }

  private record Evict(long at, long total, int bytes) {}

  /** Launches that drop everything from the caches of a CPU. */
  List<Launch> evictions() {
    return memory.stream().map(this::eviction).toList();
  }

  private Launch eviction(DeviceMemory one) {
    var parameters = new Evict(one.address(), one.bytes(), EVICTED_BYTES);
    Dim grid = Dim.of(Math.toIntExact(Math.ceilDiv(one.bytes(), EVICTED_BYTES)));
    return device.module("evict").kernel("evict").prepare(grid, Dim.of(1), 0, parameters);
  }

  @Override
  public long input(int index) {
    return inputs[index];
  }

  @Override
  public long output(int index) {
    return outputs[index];
  }

  @Override
  public long workspace() {
    return workspace == null ? 0 : workspace.address();
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
    Long known = constants.get(index + " as " + layout);
    if (known != null) {
      return known;
    }
    DeviceMemory packed = allocate(bytes);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(bytes, 64);
      packer.pack(values(index), data);
      packed.upload(data);
    }
    constants.put(index + " as " + layout, packed.address());
    return packed.address();
  }

  @Override
  public void close() {
    memory.forEach(DeviceMemory::close);
  }
}
