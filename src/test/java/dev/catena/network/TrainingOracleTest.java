package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Policy;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.device.Device;
import dev.catena.io.SafeTensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Steps of training against PyTorch's in float64. How far float32 may be from them on such a
 * network, whose ReLUs amplify rounding, PyTorch itself says in float32.
 */
@Tag("slow")
class TrainingOracleTest {
  private static final String MODEL = "densenet-bc-40-12";
  private static final int BATCH = 8;
  private static final int LONG = 20;
  private static final float RATE = 0.1f;

  /** How much further one rounded kink may carry a tensor. */
  private static final double KINK = 3;

  @TempDir static Path folder;

  /** A run's first gradients, its parameters after one and two steps, its losses. */
  private record Run(
      Map<String, float[]> gradients, List<Map<String, float[]>> after, List<Float> losses) {}

  private static final Map<Policy, Run> RUNS = new HashMap<>();

  @BeforeAll
  static void train() throws IOException {
    Oracle.run(
        "training_oracle.py",
        List.of(MODEL, folder.toString(), "--batch", "" + BATCH, "--long", "" + LONG));
    try (Device device = Device.open("host")) {
      for (Policy policy : Policy.values()) {
        RUNS.put(policy, run(device, policy));
      }
    }
  }

  private static Run run(Device device, Policy policy) throws IOException {
    Training options =
        Training.batch(BATCH).policy(policy).momentum(0.9f).nesterov(true).weightDecay(1e-4f);
    Run run = new Run(new HashMap<>(), new ArrayList<>(), new ArrayList<>());
    try (Arena arena = Arena.ofConfined();
        SafeTensors batch = SafeTensors.open(folder.resolve("batch.safetensors"));
        Model model = Models.get(MODEL).load(folder.resolve("weights.safetensors"));
        Trainer trainer = model.train(device, options)) {
      MemorySegment images = arena.allocate(batch.segment("images").byteSize(), 64);
      batch.floats("images", images);
      float[] stored = batch.floats("labels");
      int[] labels = IntStream.range(0, BATCH).map(i -> (int) stored[i]).toArray();
      for (int step = 0; step < LONG; step++) {
        run.losses.add(trainer.step(images, labels, RATE).loss());
        if (step == 0) {
          run.gradients.putAll(trainer.gradients());
        }
        if (step < 2) {
          run.after.add(trainer.parameters());
        }
      }
    }
    return run;
  }

  @Test
  void updatesAreAsNearAsPyTorchs() throws IOException {
    for (int steps = 1; steps <= 2; steps++) {
      Map<String, double[]> before = Tensors.of(folder, "weights");
      Map<String, double[]> exact =
          Tensors.minus(Tensors.of(folder, "after-" + steps + "-float64"), before);
      Map<String, double[]> theirs =
          Tensors.minus(Tensors.of(folder, "after-" + steps + "-float32"), before);
      double accepted = 2 * Tensors.error(theirs, exact);
      for (var run : RUNS.entrySet()) {
        Map<String, double[]> ours =
            Tensors.minus(Tensors.wide(run.getValue().after().get(steps - 1)), before);
        double error = Tensors.error(ours, exact);
        assertTrue(
            error <= accepted,
            "%s, %d steps: %.2e, accepted %.2e".formatted(run.getKey(), steps, error, accepted));
      }
    }
  }

  /**
   * Tensor by tensor within twice PyTorch's error, but for one in twenty: a ReLU whose input is
   * rounded to the other side of zero shows in the tensors around it, here and in PyTorch in
   * different ones.
   */
  @Test
  void gradientsAreAsNearAsPyTorchs() throws IOException {
    Map<String, double[]> exact = Tensors.of(folder, "gradients-float64");
    Map<String, double[]> theirs = Tensors.of(folder, "gradients-float32");
    double overall = Tensors.error(theirs, exact);
    for (var run : RUNS.entrySet()) {
      Map<String, double[]> ours = Tensors.wide(run.getValue().gradients());
      assertEquals(exact.keySet(), ours.keySet());
      assertTrue(
          Tensors.error(ours, exact) <= 2 * overall,
          run.getKey() + ": " + Tensors.error(ours, exact));
      List<String> beyond = new ArrayList<>();
      for (String name : exact.keySet()) {
        // A tensor that PyTorch has met by luck is held to its error over all of them.
        double accepted =
            2
                * Math.max(
                    overall, Tensors.error(Tensors.only(theirs, name), Tensors.only(exact, name)));
        double error = Tensors.error(Tensors.only(ours, name), Tensors.only(exact, name));
        String what = "%s, %s: %.2e, accepted %.2e".formatted(run.getKey(), name, error, accepted);
        assertTrue(error <= KINK * accepted, what);
        if (error > accepted) {
          beyond.add(what);
        }
      }
      assertTrue(beyond.size() <= exact.size() / 20, beyond.toString());
    }
  }

  @Test
  void runningStatisticsAreTheirs() throws IOException {
    Map<String, double[]> exact = Tensors.of(folder, "after-1-float64");
    for (var run : RUNS.entrySet()) {
      Map<String, double[]> ours = Tensors.wide(run.getValue().after().getFirst());
      exact.forEach(
          (name, values) -> {
            if (name.contains("running")) {
              for (int i = 0; i < values.length; i++) {
                double accepted = 1e-5 * Math.max(1, Math.abs(values[i]));
                assertEquals(values[i], ours.get(name)[i], accepted, run.getKey() + " " + name);
              }
            }
          });
    }
  }

  /** As closely as PyTorch's: the largest relative distance over the run. */
  @Test
  void lossesFollowFloat64() throws IOException {
    String text = Files.readString(folder.resolve("losses.json"));
    List<Double> exact = numbers(text, "float64");
    double accepted = 2 * Math.max(1e-3, distance(numbers(text, "float32"), exact));
    for (var run : RUNS.entrySet()) {
      List<Double> ours = run.getValue().losses().stream().map(Float::doubleValue).toList();
      double distance = distance(ours, exact);
      assertTrue(
          distance <= accepted,
          "%s: %.2e, accepted %.2e: %s".formatted(run.getKey(), distance, accepted, ours));
    }
  }

  @Test
  void recomputingChangesNoBit() {
    Run fused = RUNS.get(Policy.FUSED);
    Run recompute = RUNS.get(Policy.RECOMPUTE);
    assertEquals(fused.losses(), recompute.losses());
    fused
        .after()
        .getLast()
        .forEach(
            (name, values) ->
                assertArrayEquals(values, recompute.after().getLast().get(name), name));
  }

  @Test
  void againGivesTheSameBits() throws IOException {
    try (Device device = Device.open("host")) {
      assertEquals(RUNS.get(Policy.FUSED).losses(), run(device, Policy.FUSED).losses());
    }
  }

  private static double distance(List<Double> losses, List<Double> exact) {
    double largest = 0;
    for (int i = 0; i < exact.size(); i++) {
      largest = Math.max(largest, Math.abs(losses.get(i) / exact.get(i) - 1));
    }
    return largest;
  }

  private static List<Double> numbers(String json, String key) {
    var list = Pattern.compile("\"" + key + "\": \\[([^]]*)]").matcher(json);
    assertTrue(list.find());
    return Pattern.compile(",").splitAsStream(list.group(1)).map(Double::valueOf).toList();
  }
}
