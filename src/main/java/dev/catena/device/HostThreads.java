package dev.catena.device;

import dev.catena.error.DeviceUnavailableException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * How many threads run kernels on the host: what a setting says, else as many as the process may
 * use cores, by its affinity and the quotas of its control groups.
 */
final class HostThreads {
  private static final String PROPERTY = "catena.threads";
  private static final String VARIABLE = "CATENA_THREADS";
  private static final int MOST = 1024;
  private static final AtomicBoolean APPLIED = new AtomicBoolean();

  private HostThreads() {}

  /**
   * Applies the setting to the first host device of the process.
   *
   * @throws DeviceUnavailableException if the setting is no number of threads
   */
  static void apply(Device device) {
    Optional<Integer> wanted =
        setting("-D" + PROPERTY, System.getProperty(PROPERTY))
            .or(() -> setting(VARIABLE, System.getenv(VARIABLE)));
    if (wanted.isPresent() && APPLIED.compareAndSet(false, true)) {
      HostDevice.of(device).setThreads(wanted.get());
    }
  }

  /** The value of a setting, if it has one. */
  static Optional<Integer> setting(String name, String value) {
    if (value == null || value.isBlank()) {
      return Optional.empty();
    }
    try {
      int threads = Integer.parseInt(value.strip());
      if (threads >= 1 && threads <= MOST) {
        return Optional.of(threads);
      }
    } catch (NumberFormatException _) {
      // Said below.
    }
    throw new DeviceUnavailableException(
        "host is not available: %s=%s is not a number of threads from 1 to %d"
            .formatted(name, value, MOST));
  }
}
