package dev.catena.conformance;

/**
 * One case on one engine.
 *
 * @param device its id, for example {@code cuda:0}
 * @param engine the engine's name
 * @param line the case
 * @param verdict what came of it
 * @param why the difference, or the reason for not running; empty when passed
 */
public record Outcome(String device, String engine, String line, Verdict verdict, String why) {
  /** The possible results of a case. */
  public enum Verdict {
    /** As the reference has it. */
    PASSED,
    /** Not as the reference has it, or an error. */
    FAILED,
    /** The engine says that it does not do this. */
    UNSUPPORTED
  }

  /** The command that runs this case again, alone. */
  public String command() {
    return "java -m dev.catena/dev.catena.conformance.Main --device %s --engine %s --problem \"%s\""
        .formatted(device, engine, line);
  }
}
