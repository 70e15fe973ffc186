package dev.catena;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Event;
import dev.catena.device.ExecutableGraph;
import dev.catena.device.Stream;
import dev.catena.engine.Work;
import dev.catena.graph.Node;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The resources of one run at a time: a stream, an arena, and every program captured over it. */
final class Lane implements AutoCloseable {
  private final Device device;
  private final Stream stream;
  private final DeviceMemory arena;
  private final long measuredBytes;
  private final Staging staging;
  private final List<Replay> replays = new ArrayList<>();
  private double captureMillis;

  /**
   * A lane of all programs.
   *
   * @param programs share the arena
   */
  Lane(Device device, List<Program> programs, Constants constants, WeightStore weights) {
    this.device = device;
    staging = new Staging(device, programs.stream().mapToLong(Lane::copied).max().orElseThrow());
    stream = device.newStream();
    DeviceMemory memory = null;
    try {
      long bytes = programs.stream().mapToLong(p -> p.plan().peakBytes()).max().orElseThrow();
      long before = device.usedMemory();
      memory = device.allocate(bytes);
      arena = memory;
      measuredBytes = device.usedMemory() - before;
      for (Program program : programs) {
        List<Work> works = Binder.bind(program, constants, weights, arena.address());
        long start = System.nanoTime();
        try {
          replays.add(new Replay(program, works, stream, arena.address(), device.id()));
        } catch (RuntimeException | Error e) {
          drain(e); // launches of the first run may still use the memory that is freed now
          works.forEach(Work::close);
          throw e;
        }
        captureMillis += WarmUp.millisSince(start);
      }
    } catch (RuntimeException | Error e) {
      replays.forEach(Replay::close);
      if (memory != null) {
        memory.close();
      }
      stream.close();
      throw e;
    }
  }

  /** Bytes of the larger of batch and result. */
  private static long copied(Program program) {
    long in = program.input().shape().elements();
    return Float.BYTES * Math.max(in, program.output().shape().elements());
  }

  /** Milliseconds of the programs' first runs and captures. */
  double captureMillis() {
    return captureMillis;
  }

  /** Bytes of the arena by the device's allocator. */
  long measuredBytes() {
    return measuredBytes;
  }

  /** Launches of a run of program {@code index}. */
  int launches(int index) {
    return replays.get(index).launches;
  }

  /** Copies in, replays, copies out, waits. Allocates nothing on the Java heap. */
  void run(int index, MemorySegment images, MemorySegment result) {
    Replay replay = replays.get(index);
    replay.event.begin();
    try {
      staging.toDevice(stream, replay.input, images);
      replay.graph.launch(stream);
      staging.toHost(stream, result, replay.output);
    } catch (RuntimeException | Error e) {
      drain(e);
      throw e;
    }
    replay.event.commit(images.byteSize(), result.byteSize());
  }

  /** The same from and to the device's memory. */
  void run(int index, long images, long imageBytes, long result, long resultBytes) {
    Replay replay = replays.get(index);
    replay.event.begin();
    try {
      stream.copy(replay.input, images, imageBytes);
      replay.graph.launch(stream);
      stream.copy(result, replay.output, resultBytes);
    } catch (RuntimeException | Error e) {
      drain(e);
      throw e;
    }
    stream.synchronize();
    replay.event.commit(imageBytes, resultBytes);
  }

  /**
   * Milliseconds of the device for replays of program {@code index} on whatever the arena holds.
   */
  double[] replayMillis(int index, int rounds) {
    ExecutableGraph graph = replays.get(index).graph;
    double[] millis = new double[rounds];
    try (Event start = device.newEvent();
        Event end = device.newEvent()) {
      for (int round = 0; round < rounds; round++) {
        stream.record(start);
        graph.launch(stream);
        stream.record(end);
        stream.synchronize();
        millis[round] = end.millisecondsSince(start);
      }
    }
    return millis;
  }

  /** Times the steps of program {@code index} on {@code images}, a full batch. */
  List<StepTime> profile(int index, MemorySegment images, int rounds) {
    Replay replay = replays.get(index);
    try (Profiler profiler = new Profiler(replay.steps, replay.works, stream, device)) {
      stream.copyToDevice(replay.input, images);
      return profiler.measure(rounds);
    } catch (RuntimeException | Error e) {
      drain(e);
      throw e;
    }
  }

  /** The first step of program {@code index} whose output on {@code images} is not finite. */
  Optional<String> firstNonFinite(int index, MemorySegment images) {
    Replay replay = replays.get(index);
    try {
      stream.copyToDevice(replay.input, images);
      for (int i = 0; i < replay.works.size(); i++) {
        replay.works.get(i).enqueue(stream);
        Node node = replay.nodes.get(i);
        if (!Finite.all(node, replay.addresses, stream)) {
          return Optional.of(node.name());
        }
      }
      return Optional.empty();
    } catch (RuntimeException | Error e) {
      drain(e);
      throw e;
    }
  }

  /** Waits, after {@code failure}, for what was enqueued before: it may still read the images. */
  private void drain(Throwable failure) {
    try {
      stream.synchronize();
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  @Override
  public void close() {
    replays.forEach(Replay::close);
    arena.close();
    stream.close();
    staging.close();
  }

  /** One program, captured. */
  private static final class Replay implements AutoCloseable {
    final ExecutableGraph graph;
    final List<Step> steps;
    final List<Node> nodes;
    final Addresses addresses;
    final List<Work> works;
    final RunEvent event;
    final long input;
    final long output;
    final int launches;

    Replay(Program program, List<Work> works, Stream stream, long arena, String device) {
      CaptureEvent capture = new CaptureEvent();
      capture.begin();
      this.steps = program.steps();
      this.nodes = program.computing();
      this.works = works;
      this.addresses = new Addresses(program.plan(), arena, Map.of());
      this.input = addresses.of(program.input());
      this.output = addresses.of(program.output());
      this.launches = works.stream().mapToInt(Work::launches).sum();
      stream.fill(input, (byte) 0, Float.BYTES * program.input().shape().elements());
      // Once without capturing: libraries load kernels and take memory at the first call.
      works.forEach(w -> w.enqueue(stream));
      stream.synchronize();
      this.graph = stream.capture(() -> works.forEach(w -> w.enqueue(stream)));
      capture.commit(program, device, launches);
      this.event = new RunEvent(program, device, launches);
    }

    @Override
    public void close() {
      graph.close();
      works.forEach(Work::close);
    }
  }
}
