package dev.catena.cli;

import dev.catena.engine.Timing;
import dev.catena.measure.Baseline;
import dev.catena.report.Table;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
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

  boolean asked() {
    return baseline != null;
  }

  /** Adds a time, and what became of it, to a result's row. */
  void put(Map<String, Object> row, String key, Timing now) {
    row.put("key", key);
    row.put("median_us", now.micros());
    row.put("spread_us", now.spread());
    Optional<Timing> old = baseline == null ? Optional.empty() : baseline.time(key);
    if (old.isPresent()) {
      boolean regressed = now.slowerThan(old.get());
      row.put("old_median_us", old.get().micros());
      row.put("change", now.micros() / old.get().micros() - 1);
      row.put("regressed", regressed);
      known++;
      slower += regressed ? 1 : 0;
    }
  }

  /** The row's entry for a table. */
  static Table.Quantity cell(Map<String, Object> row) {
    return row.get("change") instanceof Double change
        ? Table.number(
            String.format(
                Locale.ROOT,
                "%+.1f %%%s",
                100 * change,
                row.get("regressed").equals(true) ? " slower" : ""))
        : Table.none();
  }

  /** What came of the comparison, and the exit code. */
  int conclude(Output output) {
    if (asked()) {
      output.say(
          "%d of %d times that %s has are slower by more than the noise"
              .formatted(slower, known, file));
    }
    return slower == 0 ? 0 : 1;
  }
}
