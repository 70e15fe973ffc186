package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Stream;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.plan.TrainingState;
import dev.catena.rewrite.LowerTraining;
import dev.catena.rewrite.Pieces;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** kernels/sgd.cu and gradient_norm.cu against their formulae in fp64. */
class OptimizerTest {
  private static final float RATE = 0.1f;
  private static final float DECAY = 1e-2f;
  private static final float SCALE = 1024;
  private static final float LOSS = 2.5f;

  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("host");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  @ParameterizedTest
  @CsvSource({"0.9, true, FP32", "0.9, false, FP32", "0, false, FP32", "0.9, true, BF16"})
  void threeStepsAreThoseOfTheFormula(float momentum, boolean nesterov, DType dtype) {
    Training options =
        Training.batch(2).dtype(dtype).momentum(momentum).nesterov(nesterov).weightDecay(DECAY);
    try (Bench bench = new Bench(options)) {
      int n = bench.elements;
      double[] w = toDouble(bench.read(bench.state.weights(), n));
      double[] v = new double[n];
      for (int step = 0; step < 3; step++) {
        float[] gradient = bench.randomGradient(step);
        bench.step();
        double squares = 0;
        for (int i = 0; i < n; i++) {
          double raw = (double) gradient[i] / SCALE;
          squares += raw * raw;
          double g = raw + DECAY * w[i];
          v[i] = momentum * v[i] + g;
          w[i] -= RATE * (nesterov ? g + momentum * v[i] : v[i]);
        }
        assertEquals(Math.sqrt(squares), bench.number(Optimizer.NORM), 1e-6 * Math.sqrt(squares));
        assertEquals(LOSS, bench.number(Optimizer.LOSS));
      }
      float[] weights = bench.read(bench.state.weights(), n);
      assertClose(w, weights);
      assertClose(v, bench.read(bench.state.momentum(), n));
      if (dtype != DType.FP32) {
        short[] copies = bench.copies();
        for (int i = 0; i < copies.length; i++) {
          assertEquals(dtype.toBits(weights[i]), copies[i], "copy " + i);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aGradientThatIsNotFiniteChangesNothing(DType dtype) {
    try (Bench bench = new Bench(Training.batch(2).dtype(dtype))) {
      float[] before = bench.read(0, (int) (bench.state.bytes() / Float.BYTES));
      for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
        float[] gradient = bench.randomGradient(0);
        gradient[gradient.length - 1] = bad;
        bench.write(bench.state.gradients(), gradient);
        bench.step();
        assertTrue(!Float.isFinite(bench.number(Optimizer.NORM)));
      }
      int kept = (int) (bench.state.gradients() / Float.BYTES);
      float[] after = bench.read(0, kept);
      assertArrayEquals(Arrays.copyOf(before, kept), after);
    }
  }

  @Test
  void theNormHasTheSameBitsEveryTime() {
    try (Bench bench = new Bench(Training.batch(2))) {
      List<Float> norms = new ArrayList<>();
      for (int run = 0; run < 5; run++) {
        bench.randomGradient(0);
        bench.step();
        norms.add(bench.number(Optimizer.NORM));
      }
      assertEquals(1, norms.stream().distinct().count(), norms::toString);
    }
  }

  private static void assertClose(double[] expected, float[] actual) {
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], 1e-6 * Math.max(1, Math.abs(expected[i])), "at " + i);
    }
  }

  private static double[] toDouble(float[] values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  /** A state of random weights with its optimizer. */
  private static final class Bench implements AutoCloseable {
    final TrainingState state;
    final int elements;
    private final DeviceMemory memory;
    private final DeviceMemory loss = device.allocate(Float.BYTES);
    private final Stream stream = device.newStream();
    private final Optimizer optimizer;

    Bench(Training options) {
      Graph step = Policy.FUSED.step(Pieces.tinyDenseNet(), new LowerTraining(0.1f, 0));
      state = TrainingState.of(step, options.dtype());
      elements = (int) state.elements();
      memory = device.allocate(state.bytes());
      write(0, new float[(int) (state.bytes() / Float.BYTES)]);
      write(state.weights(), random(11, elements, 1));
      loss.upload(MemorySegment.ofArray(new float[] {LOSS}));
      float nesterov = options.nesterov() ? 1 : 0;
      write(
          state.numbers(),
          new float[] {RATE, options.momentum(), nesterov, options.weightDecay(), 1 / SCALE});
      optimizer = new Optimizer(device, state, options.dtype(), memory.address(), loss.address());
    }

    void step() {
      optimizer.enqueue(stream);
      stream.synchronize();
    }

    float[] randomGradient(long seed) {
      float[] gradient = random(seed, elements, SCALE);
      write(state.gradients(), gradient);
      return gradient;
    }

    private static float[] random(long seed, int count, float scale) {
      SplittableRandom random = new SplittableRandom(seed);
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = (float) (scale * random.nextGaussian());
      }
      return values;
    }

    float number(int index) {
      return read(state.numbers(), Optimizer.NUMBERS)[index];
    }

    void write(long offset, float[] values) {
      memory.upload(offset, MemorySegment.ofArray(values));
    }

    float[] read(long offset, int count) {
      float[] values = new float[count];
      memory.download(offset, MemorySegment.ofArray(values));
      return values;
    }

    short[] copies() {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment found = arena.allocate(2 * state.filterElements(), 2);
        memory.download(state.copies(), found);
        return found.toArray(ValueLayout.JAVA_SHORT);
      }
    }

    @Override
    public void close() {
      stream.close();
      loss.close();
      memory.close();
    }
  }
}
