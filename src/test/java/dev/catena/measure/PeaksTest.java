package dev.catena.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.Faults;
import dev.catena.engine.Engines;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.graph.Precision;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PeaksTest {
  private static final int OUT_OF_RESOURCES = 701;

  @Test
  void anEngineThatFailsIsLeftOut() {
    try (Device device = Device.open("host")) {
      Engines engines = EngineRegistry.on(device, Optional.empty(), Optional.empty());
      Faults.inject(device, "tiled_pointwise_f32", 0, OUT_OF_RESOURCES, false);
      Peaks peaks = Peaks.measure(device, engines, Precision.FP32);
      assertNotEquals("tiled", peaks.multipliedBy());
      assertTrue(peaks.flopsPerS() > 0);
    }
  }

  @Test
  void theHigherRatesOfTwoMeasurementsCount() {
    Peaks busy = new Peaks(1, "a", 4, "b");
    Peaks idle = new Peaks(2, "c", 3, "d");
    assertEquals(new Peaks(2, "c", 4, "b"), busy.best(idle));
    assertEquals(busy.best(idle), idle.best(busy));
  }
}
