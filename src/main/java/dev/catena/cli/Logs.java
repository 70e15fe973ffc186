package dev.catena.cli;

import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Catena's log on standard error: warnings, and the rest for those who ask. Settings of the user
 * take precedence.
 */
final class Logs {
  private static final String FORMAT = "java.util.logging.SimpleFormatter.format";
  private static final String PLAIN_LEVEL = "jdk.system.logger.level";
  private static final String PLAIN_FORMAT = "jdk.system.logger.format";

  private Logs() {}

  /** Decides before anything is logged. */
  static void show(boolean everything) {
    if (System.getProperty("java.util.logging.config.file") != null) {
      return;
    }
    setDefault(FORMAT, "catena: %5$s%6$s%n");
    setDefault(PLAIN_FORMAT, "catena: %5$s%6$s%n");
    setDefault(PLAIN_LEVEL, everything ? "INFO" : "WARNING");
    // The module need not be there: without it the JDK has a plain logger.
    if (ModuleLayer.boot().findModule("java.logging").isPresent()) {
      Full.LOGGER.setLevel(everything ? Level.INFO : Level.WARNING);
    }
  }

  private static void setDefault(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }

  /** Loaded only where there is java.logging. */
  private static final class Full {
    /** Kept, since the manager holds its loggers weakly. */
    static final Logger LOGGER = Logger.getLogger("dev.catena");
  }
}
