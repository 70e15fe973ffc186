package dev.catena;

import dev.catena.device.Device;
import dev.catena.device.HostMemory;
import dev.catena.device.Stream;
import dev.catena.graph.Value;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * The few numbers that a step is told and that it tells, page-locked on the host: those of the
 * {@link Optimizer}, the gradient of the loss, the seed and step of dropout.
 */
final class StepScalars implements AutoCloseable {
  private static final int GRADIENT = 8;
  private static final int RANDOM = 12;
  private static final int RANDOM_WORDS = 4;
  private static final int ALL = RANDOM + RANDOM_WORDS;
  private static final int WORD = 24;

  /** Bits of the last random word that a step may take; ranks draw numbers of their own. */
  private static final int RANK = 12;

  private static final long MASK = (1 << WORD) - 1;

  private final HostMemory memory;
  private final MemorySegment all;
  private final MemorySegment told;
  private final MemorySegment gradient;
  private final MemorySegment random;
  private final MemorySegment tells;
  private final long optimizer;
  private final long gradientAddress;
  private final long randomAddress;

  /**
   * The numbers of a step.
   *
   * @param optimizer device address of the optimizer's
   * @param addresses where the step's inputs lie
   * @param random the input of dropout, if there is any
   */
  StepScalars(
      Device device, long optimizer, Addresses addresses, Value gradient, Optional<Value> random) {
    this.optimizer = optimizer;
    this.gradientAddress = addresses.of(gradient);
    this.randomAddress = random.map(addresses::of).orElse(0L);
    memory = device.allocateHost(ALL * Float.BYTES);
    all = memory.segment();
    told = floats(0, Optimizer.NORM);
    this.gradient = floats(GRADIENT, 1);
    this.random = floats(RANDOM, RANDOM_WORDS);
    tells = floats(Optimizer.NORM, Optimizer.NUMBERS - Optimizer.NORM);
  }

  private MemorySegment floats(int first, int count) {
    return all.asSlice((long) first * Float.BYTES, (long) count * Float.BYTES);
  }

  /** Sets the numbers of the next step. */
  void set(Training options, float learningRate, float lossScale, long step, Ranks ranks) {
    set(Optimizer.LEARNING_RATE, learningRate);
    set(Optimizer.MOMENTUM, options.momentum());
    set(Optimizer.NESTEROV, options.nesterov() ? 1 : 0);
    set(Optimizer.WEIGHT_DECAY, options.weightDecay());
    set(Optimizer.UNSCALE, 1 / lossScale);
    set(GRADIENT, lossScale * ranks.weight());
    set(RANDOM, (float) (options.seed() & MASK));
    set(RANDOM + 1, (float) (options.seed() >>> WORD));
    set(RANDOM + 2, (float) (step & MASK));
    set(RANDOM + 3, (float) ((long) ranks.rank() << RANK | step >>> WORD));
  }

  private void set(int index, float value) {
    all.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }

  /** Tells the device. */
  void send(Stream stream) {
    stream.copyToDevice(optimizer, told);
    stream.copyToDevice(gradientAddress, gradient);
    if (randomAddress != 0) {
      stream.copyToDevice(randomAddress, random);
    }
  }

  /** Asks for the norm and the loss; there when the stream is done. */
  void fetch(Stream stream) {
    stream.copyToHost(tells, optimizer + (long) Optimizer.NORM * Float.BYTES);
  }

  float norm() {
    return all.getAtIndex(ValueLayout.JAVA_FLOAT, Optimizer.NORM);
  }

  float loss() {
    return all.getAtIndex(ValueLayout.JAVA_FLOAT, Optimizer.LOSS);
  }

  @Override
  public void close() {
    memory.close();
  }
}
