package dev.catena.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import dev.catena.error.DeviceUnavailableException;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How many threads run kernels on the host. */
class HostThreadsTest {
  /** What a process prints: the threads of its host device. */
  static final class Program {
    public static void main(String[] args) {
      try (Device device = Device.open("host")) {
        System.out.print(device.threads());
      }
    }
  }

  @Test
  void aSettingIsTaken() throws Exception {
    assertEquals("1", run(new ChildJvm("-Dcatena.threads=1").with("CATENA_THREADS", "3")));
    assertEquals("3", run(new ChildJvm().with("CATENA_THREADS", " 3")));
  }

  private static String run(ChildJvm child) throws Exception {
    ChildJvm.Result result = child.with(JsonFactory.class).run(Program.class);
    assertEquals(0, result.status(), result.said());
    return result.said();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "1025", "two", "NaN", "99999999999"})
  void whatIsNoNumberOfThreadsIsRefused(String value) {
    var e =
        assertThrows(
            DeviceUnavailableException.class, () -> HostThreads.setting("CATENA_THREADS", value));
    assertTrue(e.getMessage().contains("CATENA_THREADS=" + value), e.getMessage());
  }

  @Test
  void withoutASettingNothingChanges() {
    assertEquals(Optional.empty(), HostThreads.setting("CATENA_THREADS", null));
    assertEquals(Optional.empty(), HostThreads.setting("CATENA_THREADS", ""));
  }
}
