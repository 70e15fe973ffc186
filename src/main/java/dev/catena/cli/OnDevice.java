package dev.catena.cli;

import dev.catena.device.Device;
import java.util.Locale;

/**
 * The device of a result.
 *
 * @param kind host or cuda
 * @param threads of a CPU
 */
record OnDevice(String name, String kind, int threads) {
  static OnDevice of(Device device) {
    return new OnDevice(device.name(), label(device.kind()), device.threads());
  }

  /** A kind of device as JSON has it. */
  static String label(Device.Kind kind) {
    return kind.toString().toLowerCase(Locale.ROOT);
  }
}
