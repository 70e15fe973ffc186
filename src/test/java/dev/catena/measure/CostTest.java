package dev.catena.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.catena.conformance.Suite;
import dev.catena.engine.Problem;
import org.junit.jupiter.api.Test;

class CostTest {
  @Test
  void aBottleneckReadsItsPrefixAndNotTheRestOfTheBuffer() {
    Cost cost = cost("conv 2x7x7x64 k=128 prologue=scale_shift_relu bias relu x=0/256 dtype=f16");
    assertEquals(2L * 98 * 64 * 128, cost.flops());
    long activations = 98 * (64 + 128) * 2;
    long filters = 64 * 128 * 2;
    long vectors = (64 + 64 + 128) * 4;
    assertEquals(activations + filters + vectors, cost.bytes());
  }

  @Test
  void aStrideSkipsPixels() {
    assertEquals(
        (16 * 8 + 16 * 12 + 8 * 12) * 4, cost("conv 1x8x8x8 k=12 stride=2 dtype=f32").bytes());
    assertEquals(
        (64 * 8 + 16 * 12 + 9 * 8 * 12) * 4,
        cost("conv 1x8x8x8 k=12 kernel=3x3 pad=1x1 stride=2 dtype=f32").bytes());
  }

  @Test
  void aDenseLayerSavesTheBottlenecksBytesAndNotItsWork() {
    Cost cost = cost("dense-layer 1x7x7x64 bottleneck=128 k=32 dtype=bf16");
    assertEquals(2L * 49 * (64 * 128 + 128 * 32 * 9), cost.flops());
    long filters = (64 * 128 + 128 * 32 * 9) * 2;
    assertEquals(49 * (64 + 32) * 2 + filters + (64 + 64 + 128) * 4, cost.bytes());
  }

  @Test
  void whoeverAddsReadsBoth() {
    assertEquals(3 * 60 * 20 * 2, cost("add 1x5x12x20 dtype=f16").bytes());
    assertEquals(0, cost("add 1x5x12x20 dtype=f16").flops());
    assertEquals(60 * 20 * (4 + 2), cost("copy 1x5x12x20 to=f16 dtype=f32").bytes());
  }

  @Test
  void theRooflineIsTheSlowerOfTwoLines() {
    Peaks peaks = new Peaks(1e9, "copy", 1e12, "product");
    assertEquals(2e-3, new Cost(2_000_000, 1000).least(peaks), 1e-12);
    assertEquals(5e-3, new Cost(2_000_000, 5_000_000_000L).least(peaks), 1e-12);
  }

  private static Cost cost(String line) {
    Problem problem = Suite.problem(line).problems().getFirst();
    return Cost.of(problem);
  }
}
