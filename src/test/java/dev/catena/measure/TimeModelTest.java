package dev.catena.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.graph.Precision;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TimeModelTest {
  private static final GpuSpec H200 = GpuSpec.named("h200");

  @Test
  void everyDescriptionIsCompleteAndAgreesWithItsVendor() {
    Map<String, Double> tera = Map.of("h200", 989.4, "a100", 312.0, "rtx4090", 165.2);
    for (String name : GpuSpec.NAMES) {
      GpuSpec gpu = GpuSpec.named(name);
      Peaks peaks = gpu.peaks(Precision.FP16);
      assertEquals(tera.get(name) * 1e12, peaks.flopsPerS(), 0.01 * tera.get(name) * 1e12);
      assertEquals(peaks.flopsPerS() / 2, gpu.peaks(Precision.TF32).flopsPerS());
      for (double lanes : Arrays.asList(gpu.lanes().fp32(), gpu.lanes().memory())) {
        assertTrue(lanes >= 32, name);
      }
    }
    var wrong = assertThrows(IllegalArgumentException.class, () -> GpuSpec.named("h300"));
    assertTrue(wrong.getMessage().contains("h200, a100, rtx4090"), wrong.getMessage());
  }

  /** NVIDIA's occupancy calculator says the same of these. */
  @Test
  void occupancyIsWhatTheCalculatorSays() {
    assertEquals(8, Occupancy.of(H200, 256, 32, 0).blocks());
    assertEquals(1, Occupancy.of(H200, 256, 32, 0).share());
    assertEquals(5, Occupancy.of(H200, 256, 48, 0).blocks());
    assertEquals(2, Occupancy.of(H200, 256, 128, 0).blocks());
    assertEquals(0.25, Occupancy.of(H200, 256, 128, 0).share());
    assertEquals(1, Occupancy.of(H200, 256, 255, 0).blocks());
    assertEquals(0, Occupancy.of(H200, 512, 255, 0).blocks());
    assertEquals(4, Occupancy.of(H200, 128, 32, 56 << 10).blocks());
    assertEquals(32, Occupancy.of(H200, 32, 16, 0).blocks());
    assertEquals(6, Occupancy.of(GpuSpec.named("rtx4090"), 256, 40, 0).blocks());
  }

  @Test
  void theLargestLimiterIsTheTime() {
    double[] counts = new double[LaunchCounts.class.getRecordComponents().length];
    put(counts, "blocks", 264);
    put(counts, "deviceLoadSectors", 1e6);
    assertTime(TimeModel.Limiter.MEMORY, 32e6 / H200.memoryBytesPerSecond(), counts);
    put(counts, "l2LoadSectors", 4e6);
    assertTime(TimeModel.Limiter.L2, 128e6 / H200.l2BytesPerClock() / H200.hertz(), counts);
    put(counts, "sharedWavefronts", 264 * 20_000);
    assertTime(TimeModel.Limiter.SHARED, 2 * 20_000 / H200.hertz(), counts);
    put(counts, "integer", 264 * 60_000);
    assertTime(TimeModel.Limiter.INTEGER, 2 * 30_000 / H200.hertz(), counts);
    put(counts, "branch", 264 * 220_000);
    assertTime(TimeModel.Limiter.ISSUE, 2 * 70_000 / H200.hertz(), counts);
    put(counts, "tensorF16", 264 * 4096e5);
    assertTime(TimeModel.Limiter.TENSOR, 2e5 / H200.mmaShare() / H200.hertz(), counts);
    put(counts, "pathRoundTrips", 264 * 2000);
    put(counts, "pathInstructions", 264 * 1000);
    put(counts, "loadSectors", 8e6); // half of them past L1, an eighth past L2
    double latency = (40 * 4 + 280 * 3 + 800) / 8.0;
    assertTime(TimeModel.Limiter.LATENCY, (2000 * latency + 2000) / H200.hertz(), counts);
  }

  /** 133 blocks on 132 multiprocessors take as long as 264. */
  @Test
  void theLastWaveCountsInFull() {
    double[] counts = new double[LaunchCounts.class.getRecordComponents().length];
    for (int blocks : new int[] {132, 133, 264}) {
      put(counts, "blocks", blocks);
      put(counts, "integer", blocks * 1000.0);
      int rounds = blocks == 132 ? 1 : 2;
      assertTime(TimeModel.Limiter.INTEGER, rounds * 500 / H200.hertz(), counts);
    }
  }

  @Test
  void theAssemblersReportIsOfTheNearestArchitecture() {
    AssemblerReport report = AssemblerReport.read();
    assumeTrue(report.of("add_f32", 80).isPresent(), "built without nvcc");
    var on90 = report.of("add_f32", 90).orElseThrow();
    assertTrue(on90.registers() >= 16 && on90.registers() <= 64, on90.toString());
    assertEquals(report.of("add_f32", 80), report.of("add_f32", 89));
    assertTrue(report.of("nobody", 90).isEmpty());
  }

  private static void assertTime(TimeModel.Limiter limiter, double seconds, double[] counts) {
    TimeModel model = TimeModel.of(H200, LaunchCounts.of(counts), Occupancy.of(H200, 256, 64, 0));
    assertEquals(limiter, model.limiter());
    assertEquals(seconds, model.time(), 1e-9 * seconds);
  }

  private static void put(double[] counts, String name, double value) {
    var components = LaunchCounts.class.getRecordComponents();
    for (int i = 0; i < counts.length; i++) {
      if (components[i].getName().equals(name)) {
        counts[i] = value;
        return;
      }
    }
    throw new IllegalArgumentException(name);
  }
}
