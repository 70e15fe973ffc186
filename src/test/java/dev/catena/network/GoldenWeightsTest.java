package dev.catena.network;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The generator against its twin in Python. */
class GoldenWeightsTest {
  static List<GoldenLogits.Tensor> tensors() {
    return GoldenLogits.read().tensors();
  }

  @ParameterizedTest
  @MethodSource
  void tensors(GoldenLogits.Tensor expected) {
    float[] actual =
        expected.name().startsWith("input.")
            ? image(expected)
            : GoldenWeights.tensor(expected.name(), expected.shape());
    assertEquals(expected.first(), actual[0]);
    assertEquals(expected.last(), actual[actual.length - 1]);
    assertEquals(
        expected.sumOfBits(),
        IntStream.range(0, actual.length)
            .mapToLong(i -> Integer.toUnsignedLong(Float.floatToRawIntBits(actual[i])))
            .sum());
  }

  private static float[] image(GoldenLogits.Tensor tensor) {
    int n = Integer.parseInt(tensor.name().substring("input.".length()));
    float[] images = GoldenWeights.images(n + 1, tensor.shape().dim(1), tensor.shape().dim(2));
    int pixels = Math.toIntExact(tensor.shape().elements());
    return Arrays.copyOfRange(images, n * pixels, (n + 1) * pixels);
  }
}
