package dev.catena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.Faults;
import dev.catena.error.CudaException;
import dev.catena.error.DeviceLostException;
import org.junit.jupiter.api.Test;

/** On a device of its own, which it loses. */
class LostTrainerTest {
  private static final int ILLEGAL_ADDRESS = 700;

  @Test
  void aDeviceThatFailsInAStepIsLostByName() {
    try (Device device = Device.open("host")) {
      try (Trainer trainer = TinyTraining.trainer(device, TinyTraining.options())) {
        step(trainer);
        Faults.inject(device, "sgd_f32", 0, ILLEGAL_ADDRESS, true);
        CudaException first = assertThrows(CudaException.class, () -> step(trainer));
        assertEquals(ILLEGAL_ADDRESS, first.code());
        DeviceLostException lost = assertThrows(DeviceLostException.class, () -> step(trainer));
        assertTrue(lost.getMessage().contains("ILLEGAL_ADDRESS"), lost::getMessage);
        assertEquals(1, trainer.steps(), "the step that failed does not count");
      } finally {
        Faults.clear(device);
      }
    }
  }

  private static void step(Trainer trainer) {
    trainer.step(TinyTraining.images(0), TinyTraining.labels(0), 0.1f);
  }
}
