package dev.catena;

import dev.catena.device.Device;
import dev.catena.device.Dim;
import dev.catena.device.Kernel;
import dev.catena.device.Launch;
import dev.catena.device.Stream;
import dev.catena.graph.DType;
import dev.catena.plan.TrainingState;
import java.util.List;

/**
 * Stochastic gradient descent over all parameters at once: kernels/gradient_norm.cu and sgd.cu.
 *
 * <p>It reads numbers from the device's memory, so that a captured graph serves every learning
 * rate.
 */
final class Optimizer {
  // Indices of its numbers, kernels/sgd.cuh. The host writes those before NORM.
  static final int LEARNING_RATE = 0;
  static final int MOMENTUM = 1;
  static final int NESTEROV = 2;
  static final int WEIGHT_DECAY = 3;
  static final int UNSCALE = 4;
  static final int NORM = 5;
  static final int LOSS = 6;
  static final int NUMBERS = 7;

  private static final int VECTOR = 8;
  private static final int BLOCK = 256;
  private static final int SUMS = 128;

  private final List<Launch> launches;

  /**
   * The launches.
   *
   * @param base address of the state
   * @param loss address of the step's loss
   */
  Optimizer(Device device, TrainingState state, DType dtype, long base, long loss) {
    int vectors = Math.toIntExact(state.elements() / VECTOR);
    int copied = dtype == DType.FP32 ? 0 : Math.toIntExact(state.filterElements() / VECTOR);
    int threads = TrainingState.NORM_THREADS;
    long gradients = base + state.gradients();
    long norm = base + state.norm();
    long numbers = base + state.numbers();
    var norms = new GradientNorm(numbers, norm, gradients, loss, vectors, threads);
    var step =
        new Sgd(
            base + state.weights(),
            base + state.momentum(),
            base + state.copies(),
            gradients,
            numbers,
            vectors,
            copied);
    Kernel sgd = device.module("sgd").kernel("sgd_" + dtype.suffix());
    Dim all = Dim.of(Dim.blocks(threads, BLOCK));
    launches =
        List.of(
            norm(device, "gradient_squares").prepare(all, Dim.of(BLOCK), 0, norms),
            norm(device, "gradient_sums").prepare(Dim.of(1), Dim.of(SUMS), 0, norms),
            norm(device, "gradient_norm").prepare(Dim.of(1), Dim.of(1), 0, norms),
            sgd.prepare(Dim.of(Dim.blocks(vectors, BLOCK)), Dim.of(BLOCK), 0, step));
  }

  /** The parameters of gradient_norm.cu. */
  private record GradientNorm(
      long numbers, long partial, long gradient, long loss, int vectors, int threads) {}

  /** The parameters of sgd.cu. */
  private record Sgd(
      long w, long v, long copy, long gradient, long numbers, int vectors, int copied) {}

  private static Kernel norm(Device device, String name) {
    return device.module("gradient_norm").kernel(name);
  }

  void enqueue(Stream stream) {
    for (Launch launch : launches) {
      launch.enqueue(stream);
    }
  }

  int launches() {
    return launches.size();
  }
}
