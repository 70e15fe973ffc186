package dev.catena.network;

import dev.catena.Parameters;
import dev.catena.graph.Shape;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongToDoubleFunction;

/**
 * Weights and images out of thin air, the same bit for bit in Python and Java: golden files need to
 * hold the results alone. The twin of {@code src/test/python/golden_weights.py}; the two are one
 * specification:
 *
 * <pre>
 * hash(name)     64-bit FNV-1a of the name's UTF-8 bytes
 * bits(name, i)  splitmix64's finaliser of hash(name) + (i + 1) * 0x9E3779B97F4A7C15   (mod 2^64)
 * u(name, i)     (bits >>> 40) * 2^-24, in [0, 1)
 * </pre>
 *
 * <p>Element i (row-major, NCHW and KCRS) of the tensor {@code name}, computed in double precision,
 * where every step is exact, and rounded once to fp32:
 *
 * <pre>
 * running_var    0.5 + 1.5 u
 * running_mean   0.25 u - 0.125
 * BN weight      0.5 + u
 * other weight   (2 u - 1) * 2^-k, k the smallest integer >= 0 with 4^k * 12 >= fan in, so that
 *                activations neither explode nor die in the deepest nets
 * any bias       0.25 u - 0.125
 * </pre>
 *
 * <p>Pixel (c, y, x) of image n, height H, width W: 4 x 4 coarse cells plus noise, so that the
 * images differ in more than their noise and the logits with them:
 *
 * <pre>
 * 3 u(input.n.cells, (c * 4 + 4 y div H) * 4 + 4 x div W) - 1.5
 *     + u(input.n, (c * H + y) * W + x) - 0.5
 * </pre>
 */
public final class GoldenWeights {
  private static final long FNV_OFFSET = 0xCBF29CE484222325L;
  private static final long FNV_PRIME = 0x100000001B3L;
  private static final long GOLDEN_RATIO = 0x9E3779B97F4A7C15L;
  private static final int CELLS = 4;

  /** The network whose tensors are kept, and they by name. */
  private static String kept = "";

  private static final Map<String, float[]> TENSORS = new HashMap<>();

  private GoldenWeights() {}

  /**
   * A network's tensors, generated once for the tests of it that follow each other.
   *
   * @param network its name
   */
  static Parameters of(String network) {
    return parameter -> {
      synchronized (TENSORS) {
        if (!kept.equals(network)) {
          TENSORS.clear();
          kept = network;
        }
        return TENSORS.computeIfAbsent(
            parameter.name(), name -> tensor(name, parameter.output().shape()));
      }
    };
  }

  /**
   * The tensor of that name.
   *
   * @param name torchvision's
   * @param shape as in a checkpoint: the first extent is the number of outputs; a weight of rank 1
   *     is that of a batch normalisation
   */
  public static float[] tensor(String name, Shape shape) {
    long seed = hash(name);
    LongToDoubleFunction value;
    if (name.endsWith(".running_var")) {
      value = i -> 0.5 + 1.5 * uniform(seed, i);
    } else if (name.endsWith(".running_mean") || name.endsWith(".bias")) {
      value = i -> 0.25 * uniform(seed, i) - 0.125;
    } else if (shape.rank() == 1) {
      value = i -> 0.5 + uniform(seed, i);
    } else {
      long fanIn = shape.elements() / shape.dim(0);
      int k = 0;
      while ((12L << (2 * k)) < fanIn) {
        k++;
      }
      double scale = Math.scalb(1.0, -k);
      value = i -> (2 * uniform(seed, i) - 1) * scale;
    }
    float[] tensor = new float[Math.toIntExact(shape.elements())];
    for (int i = 0; i < tensor.length; i++) {
      tensor[i] = (float) value.applyAsDouble(i);
    }
    return tensor;
  }

  /** The first {@code batch} images of that size with three channels, NCHW. */
  public static float[] images(int batch, int height, int width) {
    float[] pixels = new float[Math.toIntExact(3L * batch * height * width)];
    int at = 0;
    for (int n = 0; n < batch; n++) {
      long noise = hash("input." + n);
      long cells = hash("input." + n + ".cells");
      long i = 0;
      for (int c = 0; c < 3; c++) {
        for (int y = 0; y < height; y++) {
          for (int x = 0; x < width; x++) {
            long cell = ((long) c * CELLS + CELLS * y / height) * CELLS + CELLS * x / width;
            double value = 3 * uniform(cells, cell) - 1.5 + uniform(noise, i++) - 0.5;
            pixels[at++] = (float) value;
          }
        }
      }
    }
    return pixels;
  }

  /** Numbers in [-1, 1) to multiply the tensor's elements with: 2 u(name.probe, i) - 1. */
  static double[] probe(String name, int count) {
    long seed = hash(name + ".probe");
    double[] probe = new double[count];
    Arrays.setAll(probe, i -> 2 * uniform(seed, i) - 1);
    return probe;
  }

  private static long hash(String name) {
    long hash = FNV_OFFSET;
    for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xFF)) * FNV_PRIME;
    }
    return hash;
  }

  private static double uniform(long seed, long index) {
    long z = seed + (index + 1) * GOLDEN_RATIO;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    z ^= z >>> 31;
    return (z >>> 40) * 0x1p-24;
  }
}
