package dev.catena;

import dev.catena.device.Device;
import dev.catena.engine.Engines;
import dev.catena.error.OutOfDeviceMemoryException;
import dev.catena.error.ParameterException;
import dev.catena.graph.Shape;
import dev.catena.io.Image;
import dev.catena.io.Preprocessing;
import dev.catena.plan.MemoryPlan;
import dev.catena.plan.Planner;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A compiled network: one copy of the weights, and for each lane one arena over which every batch
 * size is captured.
 *
 * <p>Thread-safe: any number of threads may call {@link #run}; each leases a lane, in the order in
 * which they ask, and waits if all are taken. {@link #close} refuses new runs, waits for those
 * under way, then frees everything; it may be called twice.
 */
public final class Session implements AutoCloseable {
  private final Device device;
  private final Inference options;
  private final List<Program> programs;
  private final WeightStore weights;
  private final long imageBytes;
  private final long resultBytes;
  private final int launches;
  private final long arenaBytes;
  private final WarmUp warmUp;

  private final LanePool lanes;

  private Session(
      Device device,
      Inference options,
      List<Program> programs,
      WeightStore weights,
      List<Lane> lanes,
      WarmUp warmUp) {
    this.options = options;
    this.warmUp = warmUp;
    this.device = device;
    this.programs = programs;
    this.weights = weights;
    this.lanes = new LanePool(lanes);
    Program any = programs.getFirst();
    imageBytes = any.input().shape().withImages(1).elements() * Float.BYTES;
    resultBytes = any.output().shape().withImages(1).elements() * Float.BYTES;
    launches = lanes.getFirst().launches(programs.size() - 1);
    arenaBytes = lanes.stream().mapToLong(Lane::measuredBytes).sum();
  }

  /**
   * Compiles a network: rewrites, chooses engines, plans, allocates, uploads, captures.
   *
   * @param source the network
   * @param parameters its weights
   * @param options how
   * @param engines who may compute
   * @throws OutOfDeviceMemoryException with what is planned and free, and the batch that would fit
   * @throws dev.catena.error.GraphException if the source's graph has not one batch in and one
   *     result out, or not the same for every batch size
   * @throws ParameterException if the parameters give too few or too many values
   */
  static Session compile(
      GraphSource source,
      Parameters parameters,
      Inference options,
      Engines engines,
      Device device) {
    long start = System.nanoTime();
    double loading = device.kernelMillis();
    BatchPrograms compiler = new BatchPrograms(source, options, engines, device);
    compiler.requireFit();
    List<Program> programs = options.batches().stream().map(compiler::compile).toList();
    BatchPrograms.requireAlike(programs);
    engines.remember();
    double choosing = WarmUp.millisSince(start);
    compiler.requireFit(programs.stream().map(Program::plan).toList());
    WeightStore weights = new WeightStore(device);
    Constants constants = new Constants(parameters);
    List<Lane> lanes = new ArrayList<>();
    try {
      while (lanes.size() < options.lanes()) {
        lanes.add(new Lane(device, programs, constants, weights));
      }
      WarmUp warmUp =
          new WarmUp(
              WarmUp.millisSince(start),
              choosing,
              lanes.stream().mapToDouble(Lane::captureMillis).sum(),
              device.kernelMillis() - loading,
              engines.measured());
      return new Session(device, options, programs, weights, lanes, warmUp);
    } catch (RuntimeException | Error e) {
      lanes.forEach(Lane::close);
      weights.close();
      throw e;
    }
  }

  /** The memory of each batch size where no step needs scratch memory; needs no device. */
  static List<MemoryPlan> plan(GraphSource source, Inference options) {
    return options.batches().stream()
        .map(batch -> Planner.plan(BatchPrograms.rewritten(source, options, batch)))
        .toList();
  }

  /**
   * The steps of the largest batch as {@link #compile} would choose them, without weights or
   * memory: those of a slice as often as there are slices.
   */
  static List<Step> steps(GraphSource source, Inference options, Engines engines, Device device) {
    BatchPrograms compiler = new BatchPrograms(source, options, engines, device);
    List<Step> steps = compiler.compile(options.batches().getLast()).steps();
    engines.remember();
    return steps;
  }

  /**
   * Computes the network's output for as many images as {@code images} holds.
   *
   * <p>Allocates nothing on the Java heap after the first call and replays one captured graph. A
   * GPU copies directly from and to page-locked memory ({@link Device#allocateHost}); other memory
   * goes through some of that in pieces, one on its way while the next is filled. With several
   * lanes, the copies of one run overlap with another's computation: each lane has a stream that
   * waits for no other, page-locked memory of its own, and an arena that nobody else writes. Only
   * the first run of a lane, which takes that page-locked memory, may hold up the device.
   *
   * @param images fp32, N,C,H,W; at most the largest batch
   * @param result fp32, as many rows as images; for a classifier N x classes logits
   * @throws IllegalArgumentException if a segment has not the size of a whole number of images, or
   *     more than the largest batch, or cannot be read or written by this thread
   * @throws IllegalStateException after {@link #close}, or if a segment is closed
   * @throws dev.catena.error.DeviceLostException if the device failed, now or before
   */
  public void run(MemorySegment images, MemorySegment result) {
    int program = program(count(images, result));
    Lane lane = lanes.lease();
    try {
      lane.run(program, images, result);
    } finally {
      lanes.giveBack(lane);
    }
  }

  /**
   * The same, if a lane becomes free in time.
   *
   * @param timeout how long to wait for a lane; zero: not at all. The computation is not limited.
   * @return whether the result was computed
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  public boolean tryRun(MemorySegment images, MemorySegment result, Duration timeout)
      throws InterruptedException {
    int program = program(count(images, result));
    Lane lane = lanes.tryLease(timeout);
    if (lane == null) {
      return false;
    }
    try {
      lane.run(program, images, result);
      return true;
    } finally {
      lanes.giveBack(lane);
    }
  }

  /**
   * The same in arrays.
   *
   * @param images N,C,H,W
   * @return the rows, one after the other
   */
  public float[] run(float[] images) {
    float[] result = new float[images.length / imageSize() * resultSize()];
    run(MemorySegment.ofArray(images), MemorySegment.ofArray(result));
    return result;
  }

  /**
   * Classifies a colour picture, prepared as {@link Inference#preprocessing} says.
   *
   * @param count how many classes are wanted
   * @return the most probable classes, the most probable first
   * @throws IllegalStateException if the network does not take square pictures of three channels
   *     and the size that they are prepared for
   */
  public List<Classification> classify(Image image, int count) {
    Preprocessing preprocessing = options.preprocessing(height());
    int size = preprocessing.crop();
    if (channels() != 3 || height() != size || width() != size) {
      throw new IllegalStateException(
          "the network takes images %s, pictures are prepared for 3 x %d x %d; run what you prepare"
              .formatted(image(), size, size));
    } else if (!options.names().isEmpty() && options.names().size() != resultSize()) {
      throw new IllegalStateException(
          "there are names of %d classes, the network has %d"
              .formatted(options.names().size(), resultSize()));
    }
    return Classification.best(run(preprocessing.apply(image)), count, options.names());
  }

  /**
   * The same on images that are in the device's memory already, without a way through the host's.
   * The batch is copied within the device into the program's own memory: 0.02 ms for 64 images of
   * 224x224 at 4 TB/s.
   *
   * <p>For libraries that share the device, such as JCuda: addresses are ordinary pointers of its
   * memory. The images must be there before the call: synchronise the stream that makes them. The
   * result is there when the call returns. Both stay the caller's.
   *
   * @param images device address of fp32, N,C,H,W without gaps
   * @param count images, at most the largest batch
   * @param result device address of room for as many rows
   * @throws IllegalArgumentException if an address is 0 or there are too few or too many images
   */
  public void run(long images, int count, long result) {
    if (images == 0 || result == 0) {
      throw new IllegalArgumentException("an address is null");
    }
    if (count < 1 || count > maxBatch()) {
      throw new IllegalArgumentException(
          count + " images are not between 1 and the largest batch compiled, " + maxBatch());
    }
    Lane lane = lanes.lease();
    try {
      lane.run(program(count), images, count * imageBytes, result, count * resultBytes);
    } finally {
      lanes.giveBack(lane);
    }
  }

  /** The smallest that takes so many images. */
  private int program(int count) {
    int program = 0;
    while (programs.get(program).batch() < count) {
      program++;
    }
    return program;
  }

  /**
   * Times each step of the largest batch: its launches one by one with events between them, so that
   * the sum is more than a replay takes. Leases a lane as {@link #run} does.
   *
   * @param images as for {@link #run}, a full batch
   * @param rounds at least 1; the times are medians over them
   * @return the steps in order
   * @throws IllegalArgumentException if the images are no full batch
   * @throws IllegalStateException after {@link #close}
   */
  public List<StepTime> profile(MemorySegment images, int rounds) {
    requireFullBatch(images);
    if (rounds < 1) {
      throw new IllegalArgumentException("rounds must be positive: " + rounds);
    }
    Lane lane = lanes.lease();
    try {
      return lane.profile(programs.size() - 1, images, rounds);
    } finally {
      lanes.giveBack(lane);
    }
  }

  /**
   * Computes a batch step by step and stops at the first value that is NaN or infinite, as where a
   * sum is beyond fp16. Leases a lane as {@link #run} does.
   *
   * @param images as for {@link #run}, a full batch
   * @return the name of the step; empty if all are finite
   * @throws IllegalArgumentException if the images are no full batch
   * @throws IllegalStateException after {@link #close}
   */
  public Optional<String> firstNonFinite(MemorySegment images) {
    requireFullBatch(images);
    Lane lane = lanes.lease();
    try {
      return lane.firstNonFinite(programs.size() - 1, images);
    } finally {
      lanes.giveBack(lane);
    }
  }

  private void requireFullBatch(MemorySegment images) {
    if (images.byteSize() != maxBatch() * imageBytes) {
      throw new IllegalArgumentException(
          "a full batch has %d images, %d bytes, not %d bytes"
              .formatted(maxBatch(), maxBatch() * imageBytes, images.byteSize()));
    }
  }

  /**
   * The device's own time for a run of the largest batch, by events around the captured graph: no
   * copies, nothing of the host. Leases a lane as {@link #run} does, whose images are those of some
   * run before.
   *
   * @param rounds at least 1; the time is the median over them
   * @return milliseconds
   * @throws IllegalStateException after {@link #close}
   */
  public double deviceMillis(int rounds) {
    if (rounds < 1) {
      throw new IllegalArgumentException(rounds + " rounds are not at least one");
    }
    Lane lane = lanes.lease();
    try {
      double[] millis = lane.replayMillis(programs.size() - 1, rounds);
      Arrays.sort(millis);
      return millis[rounds / 2];
    } finally {
      lanes.giveBack(lane);
    }
  }

  private int count(MemorySegment images, MemorySegment result) {
    long bytes = images.byteSize();
    long count = bytes / imageBytes;
    if (count == 0 || bytes % imageBytes != 0) {
      throw new IllegalArgumentException(
          bytes + " bytes are no whole number of images of " + imageBytes + " bytes, " + image());
    }
    if (count > maxBatch()) {
      throw new IllegalArgumentException(
          count + " images are more than the largest batch compiled, " + maxBatch());
    }
    if (result.byteSize() != count * resultBytes) {
      throw new IllegalArgumentException(
          "the result of %d images takes %d bytes, not %d"
              .formatted(count, count * resultBytes, result.byteSize()));
    }
    requireUsable("images", images);
    requireUsable("result", result);
    if (result.isReadOnly()) {
      throw new IllegalArgumentException("the result's segment is read-only");
    }
    return (int) count;
  }

  /** A closed segment would be found out only when it is copied, after the computation. */
  private static void requireUsable(String what, MemorySegment segment) {
    if (!segment.scope().isAlive()) {
      throw new IllegalStateException("the segment of the " + what + " is closed");
    } else if (!segment.isAccessibleBy(Thread.currentThread())) {
      throw new IllegalArgumentException(
          "the segment of the %s belongs to another thread".formatted(what));
    }
  }

  /**
   * A batcher of single images over this session, with a queue of eight batches for each lane.
   * Close it before the session.
   *
   * @param maxDelay how long an image waits for others, at most
   * @param maxBatch images of a batch, at most; not more than {@link #maxBatch()}
   * @throws IllegalArgumentException if the delay is negative, or the batch is not between 1 and
   *     {@link #maxBatch()}
   */
  public Batcher batcher(Duration maxDelay, int maxBatch) {
    return batcher(maxDelay, maxBatch, Math.multiplyExact(8 * options.lanes(), maxBatch));
  }

  /**
   * The same with a queue of another length.
   *
   * @param capacity images that may wait, at least 1; more are rejected
   * @throws IllegalArgumentException also if the capacity is less than 1
   */
  public Batcher batcher(Duration maxDelay, int maxBatch, int capacity) {
    return new Batcher(this, options.lanes(), maxDelay, maxBatch, capacity);
  }

  /**
   * Takes other weights, at the same addresses: those that a training run has reached, or a new
   * version of a model in service. Waits for the runs that were asked for before; later ones see
   * the new weights. No run sees some old and some new ones.
   *
   * @param parameters all of the network's
   * @throws ParameterException if they give too few or too many values; the weights are as before
   * @throws IllegalStateException after {@link #close}
   */
  public void reload(Parameters parameters) {
    lanes.exclusively(() -> weights.reload(new Constants(parameters)));
  }

  /** Floats of one image, C,H,W, as {@link #run} takes it. */
  public int imageSize() {
    return Math.toIntExact(imageBytes / Float.BYTES);
  }

  /** Channels of an image. */
  public int channels() {
    return image().c();
  }

  /** Height of an image in pixels. */
  public int height() {
    return image().h();
  }

  /** Width of an image in pixels. */
  public int width() {
    return image().w();
  }

  private Shape image() {
    return programs.getFirst().input().shape().withImages(1);
  }

  /** Floats of one image's result. */
  public int resultSize() {
    return Math.toIntExact(resultBytes / Float.BYTES);
  }

  /** The most images that one run takes. */
  public int maxBatch() {
    return programs.getLast().batch();
  }

  /** The plan of the largest batch. */
  public MemoryPlan plan() {
    return programs.getLast().plan();
  }

  /** The plans of all batch sizes, ascending; they share one arena. */
  public List<MemoryPlan> plans() {
    return programs.stream().map(Program::plan).toList();
  }

  /** Launches of one run of the largest batch: kernels, library calls and copies in its graph. */
  public int launches() {
    return launches;
  }

  /** The engine of each step of the largest batch, in order. */
  public List<StepEngine> engines() {
    return programs.getLast().engines();
  }

  /** Bytes of the weights on the device, in the layouts of the engines that read them. */
  public long weightBytes() {
    return weights.bytes();
  }

  /** Bytes that the device's allocator handed out for the arenas of all lanes. */
  public long arenaBytes() {
    return arenaBytes;
  }

  /** The time that it took to become ready. */
  public WarmUp warmUp() {
    return warmUp;
  }

  /** The device that it runs on. */
  public Device device() {
    return device;
  }

  @Override
  public void close() {
    lanes.close();
    weights.close();
  }
}
