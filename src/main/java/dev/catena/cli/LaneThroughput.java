package dev.catena.cli;

import dev.catena.Session;
import dev.catena.report.Table;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Phaser;
import java.util.function.IntFunction;
import picocli.CommandLine.Option;

/** Images a second of one session that as many threads call as it has lanes. */
final class LaneThroughput {
  private static final int LEAST_RUNS = 5;
  private static final int WARM_UPS = 2;

  @Option(
      names = "--lanes",
      split = ",",
      paramLabel = "N",
      converter = Choices.AtLeastOne.class,
      description =
          "Also the throughput of a session with so many lanes under as many threads, each with"
              + " images of its own in host memory, beside one lane's.")
  private List<Integer> counts = List.of();

  /**
   * A session with so many lanes.
   *
   * @param ratioToOne of its throughput to one lane's
   */
  record Lanes(int lanes, double imagesPerS, double ratioToOne, long arenaBytes) {}

  private record Row(BenchModels.ModelTime model, Lanes lanes) {}

  /** A table of what {@link #measure} gave; empty if no lanes were asked for. */
  String text(List<BenchModels.ModelResult> models, int width) {
    List<Row> rows = new ArrayList<>();
    models.forEach(
        m -> m.lanes().ifPresent(all -> all.forEach(one -> rows.add(new Row(m.model(), one)))));
    return rows.isEmpty()
        ? ""
        : "\n"
            + Table.of(rows)
                .text("model", row -> row.model.model())
                .count("batch", row -> row.model.batch())
                .text("type", row -> row.model.dtype())
                .text("variant", row -> row.model.variant())
                .count("lanes", row -> row.lanes.lanes)
                .number("images/s", "%.1f", row -> row.lanes.imagesPerS)
                .number("to one", "%.2f", row -> row.lanes.ratioToOne)
                .bytes("arenas", row -> row.lanes.arenaBytes)
                .text(width, "variant", "type");
  }

  /** The throughput of sessions that {@code compile} makes of N lanes, if lanes were asked for. */
  Optional<List<Lanes>> measure(IntFunction<Session> compile, double seconds)
      throws InterruptedException {
    if (counts.isEmpty()) {
      return Optional.empty();
    }
    SortedSet<Integer> sorted = new TreeSet<>(counts);
    sorted.add(1);
    List<Lanes> measured = new ArrayList<>();
    double one = 0;
    for (int lanes : sorted) {
      try (Session session = compile.apply(lanes)) {
        double rate = imagesPerSecond(session, lanes, seconds);
        one = lanes == 1 ? rate : one;
        measured.add(new Lanes(lanes, rate, rate / one, session.arenaBytes()));
      }
    }
    return Optional.of(measured);
  }

  /** The rate of all threads together, full batches, from the time when all are warm. */
  private static double imagesPerSecond(Session session, int threads, double seconds)
      throws InterruptedException {
    Phaser warm = new Phaser(threads);
    Callable<Double> caller = () -> call(session, warm, seconds);
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      double rate = 0;
      for (Future<Double> one : pool.invokeAll(Collections.nCopies(threads, caller))) {
        rate += one.get();
      }
      return rate;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException why ? why : new IllegalStateException(e);
    }
  }

  private static double call(Session session, Phaser warm, double seconds) {
    try (Arena arena = Arena.ofShared()) {
      ComparedInference inference = ComparedInference.onRandomImages(session, arena);
      for (int i = 0; i < WARM_UPS; i++) {
        inference.run();
      }
      warm.arriveAndAwaitAdvance();
      long start = System.nanoTime();
      int runs = 0;
      while (runs < LEAST_RUNS || System.nanoTime() - start < seconds * 1e9) {
        inference.run();
        runs++;
      }
      return 1e9 * session.maxBatch() * runs / (System.nanoTime() - start);
    } finally {
      warm.arriveAndDeregister(); // also of one that failed, for which the others must not wait
    }
  }
}
