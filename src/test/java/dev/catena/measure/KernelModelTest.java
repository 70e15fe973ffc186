package dev.catena.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.catena.conformance.Suite;
import dev.catena.device.Device;
import dev.catena.engine.Engines;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.error.DeviceUnavailableException;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Our kernels' counts, where arithmetic says what they are. */
class KernelModelTest {
  private static Device device;

  @BeforeAll
  static void open() {
    try {
      device = Device.open("ptx:90");
    } catch (DeviceUnavailableException e) {
      assumeTrue(false, e.getMessage());
    }
  }

  @AfterAll
  static void close() {
    if (device != null) {
      device.close();
    }
  }

  @Test
  void elementwiseKernelsMoveTheLeastBytes() {
    for (String line : new String[] {"add 2x8x8x64 relu dtype=f16", "copy 1x16x16x32 dtype=f16"}) {
      KernelModel.Modelled modelled = model(line, 0);
      assertEquals(1, modelled.launches().size(), line);
      LaunchCounts counts = KernelModel.longest(modelled.launches()).counts();
      assertEquals((double) modelled.cost().bytes(), counts.deviceBytes(), line);
      assertEquals(1, counts.coalesced(), line);
      assertEquals(0, counts.sharedWavefronts(), line);
    }
  }

  /** Each multiply-add once, none twice; the rows that ldmatrix reads share no bank. */
  @Test
  void aPointwiseConvolutionHasNoConflicts() {
    KernelModel.Modelled modelled =
        model("conv 1x16x16x64 k=128 prologue=scale_shift_relu bias relu dtype=f16", 0);
    LaunchCounts counts = KernelModel.longest(modelled.launches()).counts();
    assertTrue(counts.sharedWavefronts() > 0);
    assertEquals(0, counts.sharedConflicts());
    assertEquals((double) modelled.cost().flops(), counts.tensorF16());
    assertEquals(0, counts.tensorBf16() + counts.tensorTf32());
  }

  /** Lines of 28 pixels do not fill the eight rows of a matrix. */
  @Test
  void linesThatEndWithinAMatrixHaveFewConflicts() {
    assertTrue(model("conv 2x28x28x64 k=32 kernel=3x3 pad=1x1 dtype=f16", 0).conflicts() < 0.05);
  }

  @Test
  void aSampleStandsForTheGrid() {
    String line = "add 8x32x32x64 relu dtype=f32";
    LaunchCounts all = KernelModel.longest(model(line, 0).launches()).counts();
    KernelModel.Modelled some = model(line, 20);
    KernelModel.Launch launch = KernelModel.longest(some.launches());
    assertTrue(launch.blocksRun() < 60, launch.toString());
    assertEquals(all.deviceBytes(), launch.counts().deviceBytes(), 1);
    assertEquals(all.fp32(), launch.counts().fp32(), 1);
    assertTrue(some.seconds() > 0);
  }

  private static KernelModel.Modelled model(String line, int blocks) {
    Engines engines = EngineRegistry.on(device, Optional.empty(), Optional.empty());
    KernelModel model = new KernelModel(device, engines, GpuSpec.named("h200"), blocks);
    return model.model(Suite.problem(line).problems().getFirst());
  }
}
