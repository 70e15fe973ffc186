package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.graph.DType;
import dev.catena.model.DenseNet;
import dev.catena.network.GoldenWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The first block of DenseNet-121 through the kernels that a GPU runs, on fibers, against the CPU's
 * own engines.
 */
class HandwrittenKernelsTest {
  private static final int SIZE = 48;
  private static final int BATCH = 2;
  private static final DenseNet BLOCK =
      new DenseNet("densenet121-block1", List.of(6), 32, 64, true, 0.5, true, 0);

  @ParameterizedTest
  @EnumSource(DType.class)
  void aDenseBlockThroughTheKernelsOfAGpuEqualsTheCpusOwn(DType dtype) {
    double tolerance =
        switch (dtype) {
          case FP32 -> 1e-5;
          case FP16 -> 1e-2;
          case BF16 -> 8e-2;
        };
    Inference options = Inference.batch(BATCH).dtype(dtype).image(SIZE, SIZE);
    try (Device device = Device.open("host");
        Arena arena = Arena.ofConfined();
        Model model =
            Models.of(BLOCK)
                .with(node -> GoldenWeights.tensor(node.name(), node.output().shape()));
        Session cpu = model.compile(device, options);
        Session gpu = model.compile(device, options.engine("kernel"))) {
      assertTrue(
          gpu.engines().stream().allMatch(step -> step.engine().equals("kernel")),
          () -> gpu.engines().toString());
      assertTrue(
          cpu.engines().stream().noneMatch(step -> step.toString().endsWith("conv1: kernel")));
      float[] expected = run(cpu, arena);
      float[] actual = run(gpu, arena);
      double largest = 0;
      for (float value : expected) {
        largest = Math.max(largest, Math.abs(value));
      }
      assertTrue(largest > 0.1, "mistrusted: the logits are all but zero");
      for (int i = 0; i < expected.length; i++) {
        assertEquals(expected[i], actual[i], tolerance * largest, "logit " + i);
      }
    }
  }

  private static float[] run(Session session, Arena arena) {
    MemorySegment images =
        arena.allocateFrom(ValueLayout.JAVA_FLOAT, GoldenWeights.images(BATCH, SIZE, SIZE));
    MemorySegment logits = arena.allocate((long) BATCH * session.resultSize() * Float.BYTES, 64);
    session.run(images, logits);
    return logits.toArray(ValueLayout.JAVA_FLOAT);
  }
}
