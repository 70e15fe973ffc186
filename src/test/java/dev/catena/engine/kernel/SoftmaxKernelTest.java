package dev.catena.engine.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Dim;
import dev.catena.device.Launch;
import dev.catena.device.Stream;
import dev.catena.engine.Operand;
import dev.catena.engine.kernel.KernelParameters.View;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** softmax.cu, which users call by name: no operation of a graph is one. */
class SoftmaxKernelTest {
  private static final int ROWS = 5;

  private record Softmax(View y, View x, int rows, int channels) {}

  @ParameterizedTest
  @CsvSource({"softmax_f32,3", "softmax_f32,1000", "softmax_rows_f32,3", "softmax_rows_f32,1000"})
  void rowsAreProbabilities(String kernel, int channels) {
    for (String id : Device.available()) {
      try (Device device = Device.open(id)) {
        check(device, kernel, channels);
      }
    }
  }

  private static void check(Device device, String kernel, int channels) {
    int pitch = Operand.packedPitch(channels);
    SplittableRandom random = new SplittableRandom(7);
    float[] x = new float[ROWS * pitch];
    for (int i = 0; i < x.length; i++) {
      x[i] = i % pitch < channels ? (float) random.nextDouble(-30, 90) : Float.NaN;
    }
    float[] y = new float[x.length];
    try (DeviceMemory memory = device.allocate((long) x.length * Float.BYTES);
        Stream stream = device.newStream()) {
      memory.upload(MemorySegment.ofArray(x));
      boolean warps = !kernel.contains("rows");
      Launch launch =
          device
              .module("softmax")
              .kernel(kernel)
              .prepare(
                  Dim.of(warps ? Dim.blocks(ROWS, 4) : ROWS),
                  warps ? Dim.of(32, 4) : Dim.of(1),
                  0,
                  new Softmax(
                      new View(memory.address(), pitch),
                      new View(memory.address(), pitch),
                      ROWS,
                      channels));
      launch.enqueue(stream);
      stream.synchronize();
      memory.download(MemorySegment.ofArray(y));
    }
    for (int row = 0; row < ROWS; row++) {
      compare(MemorySegment.ofArray(x), MemorySegment.ofArray(y), row * pitch, channels);
    }
  }

  private static void compare(MemorySegment x, MemorySegment y, int first, int channels) {
    double sum = 0;
    for (int c = 0; c < channels; c++) {
      sum += Math.exp(x.getAtIndex(JAVA_FLOAT, first + c));
    }
    double total = 0;
    for (int c = 0; c < channels; c++) {
      double expected = Math.exp(x.getAtIndex(JAVA_FLOAT, first + c)) / sum;
      double got = y.getAtIndex(JAVA_FLOAT, first + c);
      assertEquals(expected, got, 1e-6 + 1e-4 * expected, "channel " + c);
      total += got;
    }
    assertTrue(Math.abs(total - 1) < 1e-4, "sum " + total);
  }
}
