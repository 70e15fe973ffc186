package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Parameters;
import dev.catena.Policy;
import dev.catena.Trainer;
import dev.catena.Training;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Steps of training in every policy, on every device, against PyTorch's in float64. */
@Tag("slow")
class TrainingGoldenTest {
  private static final float RATE = 0.01f;

  /** One ReLU rounded to the other side of zero: PyTorch meets it as often, in other cases. */
  private static final double KINK = 1e-3;

  private static final Map<DType, Double> LOSS =
      Map.of(DType.FP32, 1e-5, DType.FP16, 1e-2, DType.BF16, 5e-2);
  private static final Map<DType, Double> CHANGE =
      Map.of(DType.FP32, KINK, DType.FP16, 5e-2, DType.BF16, 0.3);

  private static final Parameters WEIGHTS =
      parameter -> GoldenWeights.tensor(parameter.name(), parameter.output().shape());

  /** The change of a tensor: along its probe, and in all. */
  private record Change(double probe, double norm) {}

  /**
   * A run.
   *
   * @param float32 how far PyTorch's float32 is from the probes, as a share of the norms
   */
  record Run(
      String model,
      int batch,
      int size,
      List<Double> losses,
      Map<String, Change> changes,
      double[] float32) {
    @Override
    public String toString() {
      return model;
    }
  }

  private static List<Run> runs() {
    List<Run> runs = new ArrayList<>();
    for (String[] row : Golden.rows("training-steps.tsv")) {
      switch (row[0]) {
        case "model" ->
            runs.add(
                new Run(
                    row[1],
                    Integer.parseInt(row[2]),
                    Integer.parseInt(row[3]),
                    new ArrayList<>(),
                    new LinkedHashMap<>(),
                    new double[1]));
        case "loss" -> runs.getLast().losses().add(Double.valueOf(row[1]));
        case "change" ->
            runs.getLast()
                .changes()
                .put(row[1], new Change(Double.parseDouble(row[2]), Double.parseDouble(row[3])));
        case "float32" -> runs.getLast().float32()[0] = Double.parseDouble(row[1]);
        default -> throw new AssertionError(row[0]);
      }
    }
    return runs;
  }

  static Stream<Arguments> steps() {
    List<Run> runs = runs();
    return Device.available().stream()
        .flatMap(
            device ->
                Stream.of(DType.FP32, DType.FP16, DType.BF16)
                    .flatMap(dtype -> runs.stream().map(run -> Arguments.of(device, dtype, run))));
  }

  @ParameterizedTest
  @MethodSource
  void steps(String deviceId, DType dtype, Run golden) {
    for (Policy policy : Policy.values()) {
      check(deviceId, dtype, policy, golden);
    }
  }

  private static void check(String deviceId, DType dtype, Policy policy, Run golden) {
    String what = "%s, %s, %s".formatted(golden.model(), policy.label(), dtype);
    Training options =
        Training.batch(golden.batch())
            .image(golden.size(), golden.size())
            .dtype(dtype)
            .policy(policy)
            .momentum(0.9f)
            .nesterov(true)
            .weightDecay(1e-4f);
    int[] labels = new int[golden.batch()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = 3 * i % 10;
    }
    MemorySegment images =
        MemorySegment.ofArray(GoldenWeights.images(golden.batch(), golden.size(), golden.size()));
    try (Device device = Device.open(deviceId);
        Model model = Models.get(golden.model()).with(WEIGHTS);
        Trainer trainer = model.train(device, options)) {
      Map<String, float[]> before = trainer.parameters();
      for (double loss : golden.losses()) {
        float ours = trainer.step(images, labels, RATE).loss();
        assertEquals(loss, ours, LOSS.get(dtype) * loss, what);
      }
      double error = error(before, trainer.parameters(), golden);
      double accepted = Math.max(2 * golden.float32()[0], CHANGE.get(dtype));
      assertTrue(error <= accepted, "%s: %.2e, accepted %.2e".formatted(what, error, accepted));
    }
  }

  /** The distance of all probes, as a share of the norm of all changes. */
  private static double error(Map<String, float[]> before, Map<String, float[]> after, Run golden) {
    double distance = 0;
    double norm = 0;
    for (var expected : golden.changes().entrySet()) {
      String name = expected.getKey();
      float[] old = before.get(name);
      float[] now = after.get(name);
      double[] probe = GoldenWeights.probe(name, now.length);
      double sum = 0;
      for (int i = 0; i < now.length; i++) {
        sum += ((double) now[i] - old[i]) * probe[i];
      }
      distance += Math.pow(sum - expected.getValue().probe(), 2);
      norm += Math.pow(expected.getValue().norm(), 2);
    }
    return Math.sqrt(distance / norm);
  }
}
