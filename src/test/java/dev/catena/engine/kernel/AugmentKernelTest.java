package dev.catena.engine.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Stream;
import dev.catena.engine.Binding;
import dev.catena.engine.Offer;
import dev.catena.engine.Operand;
import dev.catena.engine.Packer;
import dev.catena.engine.Problem;
import dev.catena.engine.Work;
import dev.catena.graph.DType;
import dev.catena.graph.Shape;
import dev.catena.graph.TrainingOp;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** augment.cu against its definition, bit for bit, on every device. */
class AugmentKernelTest {
  private static final long SEED = (3L << 40) + 5;
  private static final long STEP = (1L << 33) + 9;
  private static final int UNTOUCHED = 0x7b;

  @ParameterizedTest
  @CsvSource({
    "1,32,32,3,4,true,FP32",
    "37,5,7,3,2,true,FP32",
    "3,28,28,1,0,true,FP16",
    "5,9,4,4,6,false,BF16",
    "2,3,3,2,0,false,FP32",
  })
  void shiftsMirrorsAndNormalises(
      int images, int height, int width, int channels, int padding, boolean flip, DType dtype) {
    Shape shape = Shape.nhwc(images, height, width, channels);
    List<Float> mean = List.of(125.3f, 123f, -0.5f, 0f).subList(0, channels);
    List<Float> scale = List.of(1 / 63f, 2f, 0.7f, 1f).subList(0, channels);
    TrainingOp.Augment op = new TrainingOp.Augment(padding, flip, mean, scale, dtype);
    Operand output = Operand.view(shape, dtype, 0, 16);
    Operand random = Operand.dense(Shape.of(4));
    Problem problem = new Problem(op, List.of(Operand.nchw(shape), random), output);
    float[] x = new float[(int) shape.elements()];
    SplittableRandom values = new SplittableRandom(1);
    for (int i = 0; i < x.length; i++) {
      x[i] = values.nextInt(256);
    }
    for (String id : Device.available()) {
      try (Device device = Device.open(id)) {
        byte[] y = run(device, problem, x);
        check(op, shape, x, y, dtype);
      }
    }
  }

  private static byte[] run(Device device, Problem problem, float[] x) {
    Operand output = problem.output();
    byte[] y = new byte[(int) output.shape().pixels() * output.pitch() * output.dtype().bytes()];
    Arrays.fill(y, (byte) UNTOUCHED);
    float[] random = {SEED & 0xffffff, SEED >>> 24, STEP & 0xffffff, STEP >>> 24};
    Offer offer = KernelEngine.matrix().offers(problem, device).some().orElseThrow().preferred();
    try (DeviceMemory in = device.allocate((long) x.length * Float.BYTES);
        DeviceMemory out = device.allocate(y.length);
        DeviceMemory now = device.allocate((long) random.length * Float.BYTES);
        Stream stream = device.newStream()) {
      in.upload(MemorySegment.ofArray(x));
      out.upload(MemorySegment.ofArray(y));
      now.upload(MemorySegment.ofArray(random));
      long[] inputs = {in.address(), now.address()};
      try (Work work = offer.prepare(new At(inputs, out.address()))) {
        work.enqueue(stream);
        stream.synchronize();
      }
      out.download(MemorySegment.ofArray(y));
    }
    return y;
  }

  private static void check(TrainingOp.Augment op, Shape s, float[] x, byte[] y, DType dtype) {
    MemorySegment bytes = MemorySegment.ofArray(y);
    Set<TrainingOp.Augment.Crop> seen = new HashSet<>();
    for (int p = 0; p < s.pixels(); p++) {
      int image = p / s.w() / s.h();
      TrainingOp.Augment.Crop crop = op.crop(SEED, STEP, image);
      seen.add(crop);
      int w = p % s.w();
      int row = p / s.w() % s.h() + crop.down();
      int column = (crop.mirrored() ? s.w() - 1 - w : w) + crop.right();
      boolean inside = row >= 0 && row < s.h() && column >= 0 && column < s.w();
      for (int c = 0; c < 16; c++) {
        long at = ((long) p * 16 + c) * dtype.bytes();
        if (c >= s.c()) {
          assertEquals(UNTOUCHED, bytes.get(JAVA_BYTE, at), "channel " + c);
          continue;
        }
        float value = inside ? x[((image * s.c() + c) * s.h() + row) * s.w() + column] : 0;
        float expected = (value - op.mean().get(c)) * op.scale().get(c);
        assertEquals(bits(dtype, expected), stored(dtype, bytes, at), "pixel " + p + " " + crop);
      }
    }
    // As many as there are ways, nearly: all images alike would be no augmentation.
    int ways = (2 * op.padding() + 1) * (2 * op.padding() + 1) * (op.flip() ? 2 : 1);
    assertTrue(seen.size() > Math.min(ways, s.n()) / 2, seen.size() + " of " + ways);
  }

  private static int bits(DType dtype, float value) {
    return dtype == DType.FP32 ? Float.floatToIntBits(value) : dtype.toBits(value) & 0xffff;
  }

  private static int stored(DType dtype, MemorySegment bytes, long at) {
    return dtype == DType.FP32
        ? bytes.get(ValueLayout.JAVA_INT_UNALIGNED, at)
        : bytes.get(ValueLayout.JAVA_SHORT_UNALIGNED, at) & 0xffff;
  }

  @SuppressWarnings("ArrayRecordComponent")
  private record At(long[] inputs, long first) implements Binding {
    @Override
    public long input(int index) {
      return inputs[index];
    }

    @Override
    public long output(int index) {
      return first;
    }

    @Override
    public long workspace() {
      throw new AssertionError();
    }

    @Override
    public float[] values(int index) {
      throw new AssertionError();
    }

    @Override
    public long constant(int index, String layout, long bytes, Packer packer) {
      throw new AssertionError();
    }
  }
}
