package dev.catena.measure;

import dev.catena.device.Device;
import dev.catena.engine.EngineTimer;
import dev.catena.engine.Engines;
import dev.catena.engine.Offer;
import dev.catena.engine.Operand;
import dev.catena.engine.Problem;
import dev.catena.error.DeviceException;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Precision;
import dev.catena.graph.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * What a device reaches at best, measured on it: the two lines of its roofline.
 *
 * @param bytesPerS read and written by the fastest copy of a tensor far beyond the caches
 * @param copiedBy its engine
 * @param flopsPerS of the fastest matrix product in one type
 * @param multipliedBy its engine
 */
public record Peaks(double bytesPerS, String copiedBy, double flopsPerS, String multipliedBy) {
  private static final System.Logger LOG = System.getLogger("dev.catena.measure");
  private static final int RUNS = 9;

  // Bytes of the tensor that is copied, and of one pixel of it.
  private static final long MOST = 4L << 30;
  private static final long MOST_ON_HOST = 128L << 20;
  private static final long MOST_INTERPRETED = 1L << 22;
  private static final int LINE = 512;

  /** An engine and what it reached. */
  private record Best(double rate, String engine) {}

  /**
   * Measures a device; takes about a second.
   *
   * @param engines of the device, none of them forced
   * @param precision of the product
   */
  public static Peaks measure(Device device, Engines engines, Precision precision) {
    boolean host = device.kind() == Device.Kind.HOST || device.isInterpreted();
    long bytes = device.isInterpreted() ? MOST_INTERPRETED : host ? MOST_ON_HOST : MOST;
    long most = Math.min(bytes, device.freeMemory() / 8); // read, and written
    Shape large = Shape.of(1, 1, (int) Math.max(1, most / LINE), LINE / Float.BYTES);
    Problem copy =
        new Problem(
            new Op.Copy("peak"),
            List.of(Operand.packed(large, DType.FP32)),
            Operand.packed(large, DType.FP32));
    DType dtype = precision.dtype();
    int pixels = host ? 64 : 96;
    int channels = host ? 512 : 4096;
    Shape x = Shape.of(1, pixels, pixels, channels);
    Problem product =
        new Problem(
                Op.Conv.of(1, 1, 0),
                List.of(
                    Operand.packed(x, dtype), Operand.constant(Shape.of(channels, channels, 1, 1))),
                Operand.packed(x, dtype))
            .withTf32(precision == Precision.TF32);
    Best copied = best(device, engines, copy, Cost.of(copy).bytes());
    Best flops = best(device, engines, product, Cost.of(product).flops());
    return new Peaks(copied.rate, copied.engine, flops.rate, flops.engine);
  }

  /** The higher rates of two measurements. */
  public Peaks best(Peaks other) {
    Peaks bytes = bytesPerS >= other.bytesPerS ? this : other;
    Peaks flops = flopsPerS >= other.flopsPerS ? this : other;
    return new Peaks(bytes.bytesPerS, bytes.copiedBy, flops.flopsPerS, flops.multipliedBy);
  }

  private static Best best(Device device, Engines engines, Problem problem, long work) {
    List<Best> all = new ArrayList<>();
    try (EngineTimer timer = new EngineTimer(device, problem, RUNS)) {
      for (Offer offer : engines.contenders(problem)) {
        try {
          all.add(new Best(work / timer.time(offer).least() * 1e6, offer.name()));
        } catch (RuntimeException e) {
          KernelBench.requireAlive(e);
          LOG.log(System.Logger.Level.WARNING, offer.name() + " is left out of the peaks: " + e);
        }
      }
    }
    return all.stream()
        .max((a, b) -> Double.compare(a.rate, b.rate))
        .orElseThrow(() -> new DeviceException("no engine could be measured on " + problem));
  }
}
