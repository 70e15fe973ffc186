package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.device.ChildJvm;
import dev.catena.device.Device;
import dev.catena.device.Faults;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The suite's command on a device that is lost under way. */
class LostDeviceSuiteTest {
  @TempDir private Path folder;

  @Test
  void theOutcomesBeforeTheLossAreKept() throws Exception {
    Path json = folder.resolve("outcomes.json");
    ChildJvm.Result result =
        new ChildJvm()
            .with(JsonFactory.class)
            .run(Faulty.class, "--device", "host", "--op", "relu", "--json", json.toString());
    assertEquals(1, result.status(), result.said());
    assertTrue(result.said().contains("STOPPED: device host is lost"), result.said());
    String outcomes = Files.readString(json);
    assertEquals('[', outcomes.charAt(0));
    assertTrue(outcomes.endsWith("]"), outcomes);
    assertTrue(outcomes.contains("\"verdict\":\"passed\""), outcomes);
    assertTrue(outcomes.contains("CUDA_ERROR_ILLEGAL_ADDRESS"), outcomes);
  }

  /** The suite on a host that loses its context at the fourth launch. */
  static final class Faulty {
    private static final int ILLEGAL_ADDRESS = 700;

    private Faulty() {}

    public static void main(String[] arguments) {
      try (Device device = Device.open("host")) {
        Faults.inject(device, null, 3, ILLEGAL_ADDRESS, true);
        Main.main(arguments);
      }
    }
  }
}
