package dev.catena.conformance;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.HostDevice;
import dev.catena.device.Stream;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.Packer;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.Layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** One case on one engine, in memory of its own. */
final class Trial implements Binding, AutoCloseable {
  /** NaN behind every constant, for what reads too far. */
  private static final int GUARD_BYTES = 256;

  private final Device device;
  private final Case one;
  private final List<double[]> numbers;
  private final Map<Integer, Buffer> inputs = new TreeMap<>();
  private final List<DeviceMemory> memory = new ArrayList<>();
  private Buffer output;
  private DeviceMemory workspace;

  private Trial(Device device, Case one) {
    this.device = device;
    this.one = one;
    this.numbers = Numbers.of(one);
  }

  /**
   * What is wrong with the engine's result; empty if nothing.
   *
   * <p>It is computed twice, from the same inputs into the same poisoned memory; on the host once
   * with shared memory full of NaN and the threads in random order, and once with each warp running
   * ahead as far as barriers let it.
   */
  static Optional<String> run(Device device, Engine engine, Case one) {
    try (Trial trial = new Trial(device, one)) {
      return trial.run(engine);
    }
  }

  private Optional<String> run(Engine engine) {
    Problem problem = one.problem();
    for (int i = 0; i < numbers.size(); i++) {
      if (problem.input(i).layout() != Layout.PARAMETER) {
        inputs.put(i, Buffer.input(device, problem.input(i), numbers.get(i)));
      }
    }
    output = Buffer.output(device, problem.output());
    long bytes = engine.workspace(problem, device);
    workspace = bytes == 0 ? null : device.allocate(bytes);
    try (Work work = engine.prepare(problem, this, device);
        Stream stream = device.newStream()) {
      shuffleThreads(true);
      byte[] first = launch(work, stream);
      shuffleThreads(false);
      byte[] second = launch(work, stream);
      return verdict(first, second);
    } finally {
      shuffleThreads(false);
    }
  }

  private void shuffleThreads(boolean on) {
    if (device.kind() == Device.Kind.HOST) {
      HostDevice.of(device).setChecking(on);
    }
  }

  private byte[] launch(Work work, Stream stream) {
    output.upload();
    if (workspace != null) {
      stream.fill(workspace.address(), (byte) 0xff, workspace.bytes());
    }
    work.enqueue(stream);
    stream.synchronize();
    return output.download();
  }

  private Optional<String> verdict(byte[] first, byte[] second) {
    double[] reference = Reference.compute(one.problem(), numbers);
    Optional<String> wrong = Comparison.difference(one, output.values(first), reference);
    if (wrong.isPresent()) {
      return wrong;
    }
    Optional<String> outside = output.damage(first, false);
    if (outside.isPresent()) {
      return outside.map(where -> "wrote outside its view: " + where);
    }
    for (Map.Entry<Integer, Buffer> input : inputs.entrySet()) {
      Buffer buffer = input.getValue();
      Optional<String> changed = buffer.damage(buffer.download(), true);
      if (changed.isPresent()) {
        return changed.map(where -> "changed its input " + input.getKey() + ": " + where);
      }
    }
    return Arrays.equals(first, second)
        ? Optional.empty()
        : Optional.of("two runs give different bits");
  }

  @Override
  public long input(int index) {
    return inputs.get(index).address();
  }

  @Override
  public long output() {
    return output.address();
  }

  @Override
  public long byproduct(int index) {
    throw new IllegalStateException("no operation of the suite has by-products");
  }

  @Override
  public long workspace() {
    return workspace == null ? 0 : workspace.address();
  }

  @Override
  public float[] values(int index) {
    double[] values = numbers.get(index);
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  @Override
  public long constant(int index, String layout, long bytes, Packer packer) {
    DeviceMemory packed = device.allocate(bytes + GUARD_BYTES);
    memory.add(packed);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(bytes + GUARD_BYTES, 64);
      packer.pack(values(index), data.asSlice(0, bytes));
      data.asSlice(bytes).fill((byte) 0xff);
      packed.upload(data);
    }
    return packed.address();
  }

  @Override
  public void close() {
    inputs.values().forEach(Buffer::close);
    memory.forEach(DeviceMemory::close);
    if (output != null) {
      output.close();
    }
    if (workspace != null) {
      workspace.close();
    }
  }
}
