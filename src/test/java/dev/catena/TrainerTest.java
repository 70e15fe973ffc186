package dev.catena;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.HeapMeter;
import dev.catena.engine.Engines;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.error.OutOfDeviceMemoryException;
import dev.catena.error.ParameterException;
import dev.catena.graph.DType;
import dev.catena.graph.Graph;
import dev.catena.graph.Interpreter;
import dev.catena.graph.Node;
import dev.catena.graph.Value;
import dev.catena.plan.TrainingPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class TrainerTest {
  private static final float RATE = 0.1f;

  /** Of a {@link StepResult}, at most. */
  private static final long RESULT_BYTES = 32;

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
  @EnumSource
  void aStepIsThatOfTheReferenceInFp64(Policy policy) {
    aStepIsThatOfTheReference(TinyTraining.options().policy(policy));
  }

  private static void aStepIsThatOfTheReference(Training given) {
    Training options = given.momentum(0.9f).nesterov(true);
    Graph step = options.step(TinyTraining.SOURCE, options.batch());
    Interpreter reference = TinyTraining.reference(step, options);
    try (Trainer trainer = TinyTraining.trainer(device, options)) {
      Map<String, float[]> before = trainer.parameters();
      StepResult result = trainer.step(TinyTraining.images(0), TinyTraining.labels(0), RATE);
      List<Value> outputs = step.outputs();
      assertEquals(reference.value(outputs.getFirst())[0], result.loss(), 1e-5);
      float[] logits = new float[TinyTraining.BATCH * TinyTraining.CLASSES];
      trainer.logits(MemorySegment.ofArray(logits));
      assertClose("logits", reference.value(outputs.get(1)), logits, 1e-5);

      Map<String, float[]> gradients = trainer.gradients();
      Map<String, float[]> after = trainer.parameters();
      List<Node> trainable = step.trainable();
      double squares = 0;
      for (int i = 0; i < trainable.size(); i++) {
        String name = trainable.get(i).name();
        Value output = outputs.get(outputs.size() - trainable.size() + i);
        double[] gradient = reference.value(output);
        assertClose("gradient of " + name, gradient, gradients.get(name), 1e-4);
        double[] updated = new double[gradient.length];
        for (int j = 0; j < gradient.length; j++) {
          squares += gradient[j] * gradient[j];
          updated[j] = before.get(name)[j] - RATE * 1.9 * gradient[j];
        }
        assertClose(name, updated, after.get(name), 1e-5);
      }
      assertEquals(Math.sqrt(squares), result.gradientNorm(), 1e-4 * Math.sqrt(squares));
      for (Value output : outputs.subList(2, outputs.size() - trainable.size())) {
        String name = output.name().replace(".next", "");
        assertClose(name, reference.value(output), after.get(name), 1e-5);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aStepBesideFrozenParametersIsThatOfTheReference(Policy policy) {
    Training options = TinyTraining.options().policy(policy).freeze("features.denseblock1");
    aStepIsThatOfTheReference(options);
    aStepIsThatOfTheReference(options.freeze("*.norm*").engine("kernel"));
  }

  @ParameterizedTest
  @EnumSource
  void frozenParametersKeepTheirBitsAndTakeNoMemoryButTheirs(DType dtype) {
    Training all = TinyTraining.options().dtype(dtype);
    Training last = all.freeze("features");
    try (Trainer whole = TinyTraining.trainer(device, all);
        Trainer head = TinyTraining.trainer(device, last)) {
      Map<String, float[]> before = head.parameters();
      StepResult first = step(head, 0);
      for (int i = 0; i < 5; i++) {
        step(head, 0);
      }
      assertTrue(step(head, 0).loss() < first.loss());
      head.parameters()
          .forEach(
              (name, values) ->
                  assertEquals(
                      name.startsWith("features."), Arrays.equals(before.get(name), values), name));
      assertEquals(Set.of("classifier.weight", "classifier.bias"), head.momentum().keySet());
      assertTrue(head.state().bytes() < whole.state().bytes());
      assertTrue(head.plan().peakBytes() < whole.plan().peakBytes() / 2);
      try (Trainer again = TinyTraining.trainer(device, last)) {
        again.restore(head.parameters(), head.momentum(), head.steps(), head.lossScale());
        step(head, 1);
        step(again, 1);
        assertSameBits(head.parameters(), again.parameters());
      }
    }
  }

  /** The forms that a GPU runs, on fibers. */
  @ParameterizedTest
  @EnumSource(names = {"FUSED", "RECOMPUTE"})
  void aStepThroughTheKernelsOfAGpuIsThatOfTheReferenceToo(Policy policy) {
    aStepIsThatOfTheReference(TinyTraining.options().policy(policy).engine("kernel"));
  }

  /** Sixteen bits give the same direction, to their precision, whatever the loss scale. */
  @ParameterizedTest
  @CsvSource({"FP16, 0.03", "BF16, 0.2"})
  void gradientsInSixteenBitsAreThoseOfFp64(DType dtype, double tolerance) {
    Training options = TinyTraining.options().dtype(dtype);
    Graph step = options.step(TinyTraining.SOURCE, options.batch());
    Interpreter reference = TinyTraining.reference(step, options);
    try (Trainer trainer = TinyTraining.trainer(device, options)) {
      float scale = trainer.lossScale();
      assertEquals(dtype == DType.FP16 ? 65536 : 1, scale);
      StepResult result = trainer.step(TinyTraining.images(0), TinyTraining.labels(0), RATE);
      assertTrue(result.applied());
      Map<String, float[]> gradients = trainer.gradients();
      List<Node> trainable = step.trainable();
      double error = 0;
      double norm = 0;
      for (int i = 0; i < trainable.size(); i++) {
        int output = step.outputs().size() - trainable.size() + i;
        double[] expected = reference.value(step.outputs().get(output));
        float[] actual = gradients.get(trainable.get(i).name());
        for (int j = 0; j < expected.length; j++) {
          error += Math.pow(actual[j] / scale - expected[j], 2);
          norm += expected[j] * expected[j];
        }
      }
      assertTrue(Math.sqrt(error / norm) < tolerance, "error " + Math.sqrt(error / norm));
      assertEquals(Math.sqrt(norm), result.gradientNorm(), tolerance * Math.sqrt(norm));
    }
  }

  @ParameterizedTest
  @EnumSource
  void recomputedStepsHaveTheBitsOfFusedOnesAndOfThemselves(DType dtype) {
    Training options = TinyTraining.options().dtype(dtype);
    assertSameBits(run(options, 3), run(options, 3));
    assertSameBits(run(options, 3), run(options.policy(Policy.RECOMPUTE), 3));
  }

  @ParameterizedTest
  @EnumSource
  void statisticsAsByproductsGiveTheSameStepAndItsBitsAgainWhereRecomputed(DType dtype) {
    Training options = TinyTraining.options().dtype(dtype).engine("kernel");
    try (Trainer apart = TinyTraining.trainer(device, options);
        Trainer kept = TinyTraining.trainerWithStatistics(device, options);
        Trainer again =
            TinyTraining.trainerWithStatistics(device, options.policy(Policy.RECOMPUTE))) {
      if (dtype != DType.FP32) { // There are no tiles of fp32.
        assertTrue(kept.launches() < apart.launches());
      }
      float expected = step(apart, 0).gradientNorm();
      assertEquals(
          expected, step(kept, 0).gradientNorm(), (dtype == DType.FP32 ? 1e-5 : 0.02) * expected);
      step(kept, 1);
      step(again, 0);
      step(again, 1);
      assertSameBits(kept.parameters(), again.parameters());
      assertSameBits(kept.momentum(), again.momentum());
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRestoredTrainerGoesOnToTheSameBits(DType dtype) {
    Training options = TinyTraining.options().dtype(dtype);
    try (Trainer first = TinyTraining.trainer(device, options);
        Trainer second = TinyTraining.trainer(device, options)) {
      step(first, 0);
      step(first, 1);
      second.restore(first.parameters(), first.momentum(), first.steps(), first.lossScale());
      assertSameBits(first.parameters(), second.parameters());
      step(first, 2);
      step(second, 2);
      assertSameBits(first.parameters(), second.parameters());
      assertSameBits(first.momentum(), second.momentum());
    }
  }

  /** Training is what makes the loss smaller. */
  @ParameterizedTest
  @EnumSource
  void theLossOfABatchFalls(Policy policy) {
    try (Trainer trainer = TinyTraining.trainer(device, TinyTraining.options().policy(policy))) {
      float first = step(trainer, 0).loss();
      float last = first;
      for (int i = 0; i < 12; i++) {
        last = step(trainer, 0).loss();
      }
      assertTrue(last < 0.7 * first, "from " + first + " to " + last);
      assertEquals(13, trainer.steps());
    }
  }

  @ParameterizedTest
  @EnumSource
  void theDeviceHandsOutWhatWasPlanned(Policy policy) {
    Training options = TinyTraining.options().policy(policy);
    try (Trainer trainer = TinyTraining.trainer(device, options)) {
      TrainingPlan plan = Trainer.plan(TinyTraining.SOURCE, options);
      assertEquals(plan.state().bytes(), trainer.state().bytes());
      assertTrue(trainer.plan().peakBytes() >= plan.step().peakBytes(), "scratch comes on top");
      assertRounded(trainer.plan().peakBytes(), trainer.arenaBytes());
      assertRounded(trainer.state().bytes(), trainer.stateBytes());
    }
  }

  private static void assertRounded(long planned, long measured) {
    assertTrue(planned <= measured && measured < planned + 4096, planned + " and " + measured);
  }

  @ParameterizedTest
  @EnumSource
  void aBatchThatOverflowsChangesNoWeightAndIsNamed(DType dtype) {
    try (Trainer trainer = TinyTraining.trainer(device, TinyTraining.options().dtype(dtype))) {
      step(trainer, 0);
      Map<String, float[]> before = trainer.parameters();
      Map<String, float[]> momentum = trainer.momentum();
      assertEquals(Optional.empty(), firstNonFinite(trainer, TinyTraining.images(0)));
      float scale = trainer.lossScale();
      float[] images = (float[]) TinyTraining.images(1).heapBase().orElseThrow();
      images[7] = Float.NaN;
      MemorySegment bad = MemorySegment.ofArray(images);
      StepResult result = trainer.step(bad, TinyTraining.labels(1), RATE);
      assertFalse(result.applied());
      assertTrue(Float.isNaN(result.loss()));
      assertEquals(Optional.of("input.nhwc"), firstNonFinite(trainer, bad));
      assertEquals(dtype == DType.FP16 ? scale / 2 : 1, trainer.lossScale());
      before.keySet().removeIf(name -> name.contains("running"));
      Map<String, float[]> after = trainer.parameters();
      after.keySet().retainAll(before.keySet());
      assertSameBits(before, after);
      assertSameBits(momentum, trainer.momentum());
    }
  }

  private static Optional<String> firstNonFinite(Trainer trainer, MemorySegment images) {
    return trainer.firstNonFinite(images, TinyTraining.labels(1));
  }

  @Test
  void whatIsNoBatchIsRefusedAndTrainingGoesOn() {
    Trainer trainer = TinyTraining.trainer(device, TinyTraining.options());
    try (trainer) {
      MemorySegment images = TinyTraining.images(0);
      for (int bad : new int[] {-1, TinyTraining.CLASSES}) {
        int[] labels = new int[TinyTraining.BATCH];
        labels[1] = bad;
        assertRefused("of image 1", () -> trainer.step(images, labels, 1));
      }
      int[] labels = TinyTraining.labels(0);
      assertRefused("images", () -> trainer.step(images.asSlice(4), labels, RATE));
      assertRefused("labels", () -> trainer.step(images, new int[1], RATE));
      assertRefused("logits", () -> trainer.logits(images));
      assertTrue(step(trainer, 0).applied());
    }
    trainer.close();
    assertThrows(IllegalStateException.class, () -> step(trainer, 0));
    assertThrows(IllegalStateException.class, trainer::parameters);
  }

  private static void assertRefused(String what, Runnable call) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, call::run);
    assertTrue(e.getMessage().contains(what), e::getMessage);
  }

  @Test
  void parametersOfAnotherSizeAreRefusedAndChangeNothing() {
    try (Trainer trainer = TinyTraining.trainer(device, TinyTraining.options())) {
      Map<String, float[]> before = trainer.parameters();
      Map<String, float[]> wrong = new HashMap<>(before);
      wrong.put("classifier.weight", new float[3]);
      ParameterException e =
          assertThrows(
              ParameterException.class, () -> trainer.restore(wrong, trainer.momentum(), 1, 1));
      assertTrue(e.getMessage().contains("classifier.weight"), e::getMessage);
      assertSameBits(before, trainer.parameters());
    }
  }

  @Test
  void aTrainerWantsAllValuesOfItsParameters() {
    Training options = TinyTraining.options();
    Engines engines = EngineRegistry.on(device, Optional.empty(), Optional.empty());
    for (float[] given : new float[][] {null, new float[3]}) {
      ParameterException e =
          assertThrows(
              ParameterException.class,
              () -> Trainer.compile(TinyTraining.SOURCE, _ -> given, options, engines, device));
      String what = given == null ? "there are no values of parameter " : ": 3 values, not ";
      assertTrue(e.getMessage().contains(what), e::getMessage);
    }
  }

  @Test
  void aBatchThatDoesNotFitSaysWhichDoes() {
    OutOfDeviceMemoryException e =
        assertThrows(
            OutOfDeviceMemoryException.class,
            () -> TinyTraining.trainer(device, Training.batch(1 << 24)));
    assertTrue(e.getMessage().matches("(?s).*a batch of \\d+ fits.*"), e::getMessage);
  }

  @Test
  void everythingIsGivenBack() {
    long before = device.usedMemory();
    TinyTraining.trainer(device, TinyTraining.options()).close();
    assertEquals(before, device.usedMemory());
  }

  @Test
  void aSteadyStepTakesNothingFromTheHeapButItsResult() throws Throwable {
    MethodHandle allocated = HeapMeter.allocatedBytes();
    try (Arena arena = Arena.ofConfined();
        Trainer trainer = TinyTraining.trainer(device, TinyTraining.options())) {
      MemorySegment images = copy(TinyTraining.images(0), arena);
      int[] labels = TinyTraining.labels(0);
      long least = Long.MAX_VALUE;
      int steps = 50;
      for (int round = 0; round < 40 && least > steps * RESULT_BYTES; round++) {
        long before = (long) allocated.invokeExact();
        for (int i = 0; i < steps; i++) {
          trainer.step(images, labels, 0);
        }
        least = Math.min(least, (long) allocated.invokeExact() - before);
      }
      assertTrue(least <= steps * RESULT_BYTES, least + " bytes in " + steps + " steps");
    }
  }

  private static MemorySegment copy(MemorySegment heap, Arena arena) {
    return arena.allocate(heap.byteSize(), 64).copyFrom(heap);
  }

  private static StepResult step(Trainer trainer, int batch) {
    return trainer.step(TinyTraining.images(batch), TinyTraining.labels(batch), RATE);
  }

  private static Map<String, float[]> run(Training options, int steps) {
    try (Trainer trainer = TinyTraining.trainer(device, options)) {
      for (int i = 0; i < steps; i++) {
        assertTrue(step(trainer, i).applied());
      }
      return trainer.parameters();
    }
  }

  private static void assertSameBits(Map<String, float[]> expected, Map<String, float[]> actual) {
    assertEquals(List.copyOf(expected.keySet()), List.copyOf(actual.keySet()));
    expected.forEach((name, values) -> assertArrayEquals(values, actual.get(name), name));
  }

  /** Relative to the tensor's norm. */
  private static void assertClose(
      String what, double[] expected, float[] actual, double tolerance) {
    double error = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      error += Math.pow(actual[i] - expected[i], 2);
      norm += expected[i] * expected[i];
    }
    double share = Math.sqrt(error / Math.max(norm, 1e-12));
    assertTrue(share < tolerance, () -> what + " differs by " + share);
  }
}
