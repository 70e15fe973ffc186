package dev.catena.conformance;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.HostDevice;
import dev.catena.device.PtxDevice;
import dev.catena.device.Stream;
import dev.catena.engine.Binding;
import dev.catena.engine.Offer;
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
import java.util.regex.Pattern;

/** One case by one offer, in memory of its own. */
final class Trial implements Binding, AutoCloseable {
  /** NaN behind every constant, for what reads too far. */
  private static final int GUARD_BYTES = 256;

  /**
   * Kernels that read rows of partial sums in vectors, also behind the last channel, and store
   * nothing of that. What they miss themselves shows: a workspace is NaN before it is written.
   */
  private static final Pattern READS_PADDING =
      Pattern.compile("device memory is read that was never written: kernel (fold|conv_sum)_.*");

  private final Device device;
  private final Case one;
  private final Answer answer;
  private final List<double[]> numbers;
  private final Map<Integer, Buffer> inputs = new TreeMap<>();
  private final List<DeviceMemory> memory = new ArrayList<>();
  private final List<Buffer> outputs = new ArrayList<>();
  private DeviceMemory workspace;

  private Trial(Device device, Answer answer) {
    this.device = device;
    this.one = answer.one();
    this.answer = answer;
    this.numbers = answer.numbers();
  }

  /**
   * The error in the offer's result; empty if there is none.
   *
   * <p>It is computed twice, from the same inputs into the same poisoned memory; on the host once
   * with shared memory full of NaN and the threads in random order, and once with each warp running
   * ahead as far as barriers let it.
   */
  static Optional<String> run(Device device, Offer offer, Answer answer) {
    try (Trial trial = new Trial(device, answer)) {
      return trial.run(offer);
    }
  }

  private Optional<String> run(Offer offer) {
    Problem problem = one.problem();
    for (int i = 0; i < numbers.size(); i++) {
      if (problem.input(i).layout() != Layout.PARAMETER && i != one.overwritten()) {
        inputs.put(i, Buffer.input(device, problem.input(i), numbers.get(i)));
      }
    }
    outputs.add(
        one.overwritten() == Case.NOTHING
            ? Buffer.output(device, problem.output())
            : Buffer.overwritten(device, problem.output(), numbers.get(one.overwritten())));
    problem.outputs().stream().skip(1).forEach(made -> outputs.add(Buffer.output(device, made)));
    long bytes = offer.workspace();
    workspace = bytes == 0 ? null : device.allocate(bytes);
    try (Work work = offer.prepare(this);
        Stream stream = device.newStream()) {
      shuffleThreads(true);
      List<byte[]> first = launch(work, stream);
      shuffleThreads(false);
      List<byte[]> second = launch(work, stream);
      List<String> wrong = new ArrayList<>();
      verdict(first, second).ifPresent(wrong::add);
      wrong.addAll(findings()); // of a wrong result they are the reason
      return wrong.isEmpty() ? Optional.empty() : Optional.of(String.join("\n  ", wrong));
    } finally {
      shuffleThreads(false);
    }
  }

  private void shuffleThreads(boolean on) {
    if (device.kind() == Device.Kind.HOST || device.isInterpreted()) {
      HostDevice.of(device).setChecking(on);
    }
  }

  /** The findings of the interpreter's judge, in the first case that shows them. */
  private List<String> findings() {
    List<String> findings =
        device.isInterpreted() ? PtxDevice.of(device).takeFindings() : List.<String>of();
    return findings.stream().filter(f -> !READS_PADDING.matcher(f).matches()).toList();
  }

  private List<byte[]> launch(Work work, Stream stream) {
    outputs.forEach(Buffer::upload);
    if (workspace != null) {
      stream.fill(workspace.address(), (byte) 0xff, workspace.bytes());
    }
    if (workspace != null && device.isInterpreted()) {
      stream.synchronize();
      PtxDevice.of(device).forget(workspace.address(), workspace.bytes());
    }
    work.enqueue(stream);
    stream.synchronize();
    return outputs.stream().map(Buffer::download).toList();
  }

  private Optional<String> verdict(List<byte[]> first, List<byte[]> second) {
    for (int i = 0; i < outputs.size(); i++) {
      Optional<String> wrong = verdict(outputs.get(i), answer.results().get(i), first.get(i));
      if (wrong.isPresent()) {
        String what = i == 0 ? "" : "output " + i + ": ";
        return wrong.map(why -> what + why);
      }
    }
    for (Map.Entry<Integer, Buffer> input : inputs.entrySet()) {
      Buffer buffer = input.getValue();
      Optional<String> changed = buffer.damage(buffer.download(), true);
      if (changed.isPresent()) {
        return changed.map(where -> "changed its input " + input.getKey() + ": " + where);
      }
    }
    for (int i = 0; i < outputs.size(); i++) {
      if (!Arrays.equals(first.get(i), second.get(i))) {
        return Optional.of("two runs give different bits");
      }
    }
    return Optional.empty();
  }

  private Optional<String> verdict(Buffer output, double[] reference, byte[] bytes) {
    return Comparison.difference(one, output.operand(), output.values(bytes), reference)
        .or(() -> output.damage(bytes, false).map(where -> "wrote outside its view: " + where));
  }

  @Override
  public long input(int index) {
    return index == one.overwritten() ? output() : inputs.get(index).address();
  }

  @Override
  public long output(int index) {
    return outputs.get(index).address();
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
    outputs.forEach(Buffer::close);
    if (workspace != null) {
      workspace.close();
    }
  }
}
