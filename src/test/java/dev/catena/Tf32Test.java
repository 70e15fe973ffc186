package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.engine.Problem;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The permission of TF32 reaches the engines, and the host makes no use of it. */
class Tf32Test {
  @Test
  void everyConvolutionOfAProgramHasThePermission() {
    try (Device device = Device.open("host");
        Model model = Models.get("densenet-bc-40-12").initialise(1)) {
      Inference options = Inference.batch(1);
      assertEquals(Set.of(false), permissions(model, device, options));
      assertEquals(Set.of(true), permissions(model, device, options.tf32(true)));
      assertEquals(Set.of(false), permissions(model, device, options.tf32(true).dtype(DType.FP16)));
    }
  }

  private static Set<Boolean> permissions(Model model, Device device, Inference options) {
    return model.steps(device, options).stream()
        .map(Step::problem)
        .filter(problem -> problem.op() instanceof Op.Conv || problem.op() instanceof Op.DenseLayer)
        .map(Problem::tf32)
        .collect(Collectors.toSet());
  }

  @Test
  void theHostTakesTheSameEnginesAndGivesTheSameBits() {
    try (Device device = Device.open("host");
        Model model = Models.get("densenet-bc-40-12").initialise(1)) {
      Inference strict = Inference.batch(2);
      Inference allowed = strict.tf32(true);
      assertEquals(engines(model, device, strict), engines(model, device, allowed));
      assertArrayEquals(logits(model, device, strict), logits(model, device, allowed));
    }
  }

  private static List<String> engines(Model model, Device device, Inference options) {
    return model.steps(device, options).stream().map(Step::toString).toList();
  }

  private static float[] logits(Model model, Device device, Inference options) {
    try (Session session = model.compile(device, options);
        Arena arena = Arena.ofConfined()) {
      long elements = (long) session.maxBatch() * session.imageSize();
      MemorySegment images = arena.allocate(elements * Float.BYTES, 64);
      SplittableRandom random = new SplittableRandom(7);
      for (long i = 0; i < elements; i++) {
        images.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
      }
      MemorySegment result =
          arena.allocate((long) session.maxBatch() * session.resultSize() * Float.BYTES, 64);
      session.run(images, result);
      float[] logits = result.toArray(ValueLayout.JAVA_FLOAT);
      assertTrue(logits[0] != logits[1], "nothing was computed");
      return logits;
    }
  }

  /** On the kernels that the host emulates, so that what they round shows. */
  @Test
  void trainingRoundsWhereItIsAllowed() {
    try (Device device = Device.open("host")) {
      Training strict = TinyTraining.options().engine("kernel");
      StepResult exact = first(device, strict);
      StepResult rounded = first(device, strict.tf32(true));
      assertTrue(exact.loss() != rounded.loss());
      assertEquals(exact.loss(), rounded.loss(), 1e-2 * exact.loss());
      assertEquals(exact.gradientNorm(), rounded.gradientNorm(), 1e-2 * exact.gradientNorm());
    }
  }

  private static StepResult first(Device device, Training options) {
    try (Trainer trainer = TinyTraining.trainer(device, options)) {
      return trainer.step(TinyTraining.images(0), TinyTraining.labels(0), 0.1f);
    }
  }
}
