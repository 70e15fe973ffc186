package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.PtxDevice;
import dev.catena.graph.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * DenseNet-BC-40-12 by the PTX of this build, interpreted and judged, beside the host: the same
 * results to the type's precision, and no finding.
 */
class PtxNetworkTest {
  private static final String NAME = "densenet-bc-40-12";
  private static final int SIZE = 16;
  private static final int BATCH = 2;

  /** What a network of forty layers makes of one rounding, relative to the largest value. */
  private static double tolerance(DType dtype) {
    return switch (dtype) {
      case FP32 -> 1e-4;
      case FP16 -> 2e-2;
      case BF16 -> 1e-1;
      default -> throw new IllegalArgumentException("no network computes in " + dtype);
    };
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "FP16", "BF16"})
  void infersAsTheHost(DType dtype) {
    Inference options = Inference.batch(1).image(SIZE, SIZE).dtype(dtype);
    float[] host = logits("host", options);
    float[] ptx = logits("ptx:90", options);
    double largest = 0;
    for (float logit : host) {
      largest = Math.max(largest, Math.abs(logit));
    }
    assertTrue(largest > 0, "nothing was computed");
    for (int i = 0; i < host.length; i++) {
      assertEquals(host[i], ptx[i], tolerance(dtype) * largest, "logit " + i);
    }
  }

  private static float[] logits(String id, Inference options) {
    try (Device device = Device.open(id);
        Model model = Models.get(NAME).initialise(1);
        Session session = model.compile(device, options)) {
      float[] logits = new float[session.resultSize()];
      session.run(numbers(3 * SIZE * SIZE), MemorySegment.ofArray(logits));
      assertNoFinding(device);
      return logits;
    }
  }

  static Stream<Arguments> trainings() {
    return Stream.of(DType.FP32, DType.FP16, DType.BF16)
        .flatMap(
            dtype ->
                Stream.of(Policy.FUSED, Policy.RECOMPUTE)
                    .map(policy -> Arguments.of(dtype, policy)));
  }

  @ParameterizedTest
  @MethodSource("trainings")
  void trainsAsTheHost(DType dtype, Policy policy) {
    Training options = Training.batch(BATCH).image(SIZE, SIZE).dtype(dtype).policy(policy);
    StepResult host = step("host", options);
    StepResult ptx = step("ptx:90", options);
    assertEquals(host.applied(), ptx.applied());
    assertEquals(host.loss(), ptx.loss(), tolerance(dtype) * host.loss());
    double norm = host.gradientNorm();
    assertEquals(norm, ptx.gradientNorm(), 2 * tolerance(dtype) * norm);
  }

  private static StepResult step(String id, Training options) {
    try (Device device = Device.open(id);
        Model model = Models.get(NAME).initialise(1);
        Trainer trainer = model.train(device, options)) {
      int[] labels = {3, 7};
      StepResult result = trainer.step(numbers(BATCH * 3 * SIZE * SIZE), labels, 0.1f);
      assertNoFinding(device);
      return result;
    }
  }

  private static void assertNoFinding(Device device) {
    if (device.isInterpreted()) {
      assertEquals(List.of(), PtxDevice.of(device).takeFindings());
    }
  }

  private static MemorySegment numbers(int count) {
    SplittableRandom random = new SplittableRandom(7);
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return MemorySegment.ofArray(numbers);
  }
}
