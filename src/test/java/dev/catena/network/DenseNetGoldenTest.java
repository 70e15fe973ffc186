package dev.catena.network;

import dev.catena.Inference;
import dev.catena.Model;
import dev.catena.Models;
import dev.catena.Session;
import dev.catena.Variant;
import dev.catena.device.Device;
import dev.catena.graph.DType;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every DenseNet, every variant, every device, against PyTorch's fp64 logits. */
@Tag("slow")
class DenseNetGoldenTest {
  /** PyTorch's own fp32 is off by less than 1e-6. */
  private static final double FP32 = 1e-4;

  /** Twice what PyTorch is off by in these types. */
  private static final Map<DType, Double> TOLERANCE =
      new TreeMap<>(Map.of(DType.FP16, 2e-3, DType.BF16, 1.5e-2));

  private static final List<String> HALF_PRECISION =
      List.of("densenet121", "densenet-40-12", "densenet-bc-100-12");

  static Stream<Arguments> fp32() {
    List<GoldenLogits.Case> cases = GoldenLogits.read().cases();
    return Device.available().stream()
        .flatMap(device -> cases.stream().map(golden -> Arguments.of(device, golden)));
  }

  @ParameterizedTest
  @MethodSource
  void fp32(String deviceId, GoldenLogits.Case golden) {
    for (Variant variant : Variant.values()) {
      check(deviceId, golden, variant, DType.FP32, FP32);
    }
  }

  static Stream<Arguments> halfPrecision() {
    return fp32()
        .filter(a -> HALF_PRECISION.contains(((GoldenLogits.Case) a.get()[1]).model()))
        .flatMap(
            a -> TOLERANCE.keySet().stream().map(d -> Arguments.of(a.get()[0], a.get()[1], d)));
  }

  @ParameterizedTest
  @MethodSource
  void halfPrecision(String deviceId, GoldenLogits.Case golden, DType dtype) {
    for (Variant variant : Variant.values()) {
      check(deviceId, golden, variant, dtype, TOLERANCE.get(dtype));
    }
  }

  private static void check(
      String deviceId, GoldenLogits.Case golden, Variant variant, DType dtype, double tolerance) {
    Inference options =
        Inference.batch(golden.batch())
            .image(golden.height(), golden.width())
            .dtype(dtype)
            .variant(variant);
    try (Device device = Device.open(deviceId);
        Model model = Models.get(golden.model()).with(GoldenWeights.of(golden.model()));
        Session session = model.compile(device, options)) {
      float[] images = GoldenWeights.images(golden.batch(), golden.height(), golden.width());
      float[] expected = Logits.flat(golden.logits());
      String what = golden + ", " + variant.label() + ", " + dtype;
      Logits.assertClose(expected, Logits.run(session, images), tolerance, what);
      Logits.assertClose(expected, Logits.run(session, images), tolerance, what + ", again");
    }
  }
}
