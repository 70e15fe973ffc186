package dev.catena.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory that this process occupies, as Linux counts it; zero elsewhere. */
final class ResidentMemory {
  private ResidentMemory() {}

  /** Bytes now. */
  static long now() {
    return field("VmRSS:");
  }

  /** The most bytes that there ever were. */
  static long peak() {
    return field("VmHWM:");
  }

  private static long field(String name) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith(name)) {
          return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
        }
      }
    } catch (IOException _) {
      // Not Linux.
    }
    return 0;
  }
}
