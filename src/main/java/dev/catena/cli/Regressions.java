package dev.catena.cli;

import dev.catena.engine.Timing;
import dev.catena.measure.Baseline;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Times beside those of an earlier run. */
final class Regressions {
  @Option(
      names = "--compare",
      paramLabel = "OLD.json",
      description =
          "Mark what is slower than in this earlier result, by more than the noise of both runs.")
  private Path file;

  private Baseline baseline;
  private int known;
  private int slower;

  /** Reads the earlier result, before anything is measured. */
  void open() throws IOException {
    if (file != null) {
      baseline = Baseline.read(file);
    }
  }

  /**
   * A time, and what became of it if the earlier result has it too.
   *
   * @param change of the median, as a share of the old one
   */
  record Timed(
      String key,
      double medianUs,
      double spreadUs,
      Optional<Double> oldMedianUs,
      Optional<Double> change,
      Optional<Boolean> regressed) {
    /** For a table; null without an earlier time. */
    String changed() {
      return change
          .map(c -> String.format(Locale.ROOT, "%+.1f %%", 100 * c))
          .map(text -> regressed.orElse(false) ? text + " slower" : text)
          .orElse(null);
    }
  }

  /** The time {@code now} beside the earlier one of the same key. */
  Timed time(String key, Timing now) {
    Optional<Timing> old = baseline == null ? Optional.empty() : baseline.time(key);
    Optional<Boolean> regressed = old.map(now::slowerThan);
    known += old.isPresent() ? 1 : 0;
    slower += regressed.orElse(false) ? 1 : 0;
    return new Timed(
        key,
        now.micros(),
        now.spread(),
        old.map(Timing::micros),
        old.map(o -> now.micros() / o.micros() - 1),
        regressed);
  }

  /** Reports the comparison and gives the exit code. */
  int conclude(Output output) {
    if (baseline != null) {
      output.say(
          "%d of %d times that %s has are slower by more than the noise"
              .formatted(slower, known, file));
    }
    return slower == 0 ? 0 : 1;
  }
}
