package dev.catena.cli;

import dev.catena.Session;
import dev.catena.report.Table;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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

  private final Table table =
      new Table("model", "batch", "type", "variant", "lanes", "images/s", "to one", "arenas");

  /** The table, of what {@link #put} measured; empty if no lanes were asked for. */
  String text() {
    return counts.isEmpty() ? "" : "\n" + table;
  }

  /** Adds to a model's row the throughput of sessions that {@code compile} makes of N lanes. */
  void put(Map<String, Object> row, IntFunction<Session> compile, double seconds)
      throws InterruptedException {
    if (counts.isEmpty()) {
      return;
    }
    SortedSet<Integer> sorted = new TreeSet<>(counts);
    sorted.add(1);
    List<Map<String, Object>> measured = new ArrayList<>();
    double one = 0;
    for (int lanes : sorted) {
      try (Session session = compile.apply(lanes)) {
        double rate = imagesPerSecond(session, lanes, seconds);
        one = lanes == 1 ? rate : one;
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("lanes", lanes);
        entry.put("images_per_s", rate);
        entry.put("ratio_to_one", rate / one);
        entry.put("arena_bytes", session.arenaBytes());
        measured.add(entry);
        table.row(
            row.get("model"),
            Table.count((int) row.get("batch")),
            row.get("dtype"),
            row.get("variant"),
            Table.count(lanes),
            Table.number(String.format(Locale.ROOT, "%.1f", rate)),
            Table.number(String.format(Locale.ROOT, "%.2f", rate / one)),
            Table.bytes(session.arenaBytes()));
      }
    }
    row.put("lanes", measured);
  }

  /** Of all threads together, full batches, from the time when all are warm. */
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
      int batch = session.maxBatch();
      MemorySegment images = Subject.images(batch * session.image().elements(), 0, arena);
      MemorySegment result = arena.allocate((long) Float.BYTES * batch * session.resultSize(), 64);
      for (int i = 0; i < WARM_UPS; i++) {
        session.run(images, result);
      }
      warm.arriveAndAwaitAdvance();
      long start = System.nanoTime();
      int runs = 0;
      while (runs < LEAST_RUNS || System.nanoTime() - start < seconds * 1e9) {
        session.run(images, result);
        runs++;
      }
      return 1e9 * batch * runs / (System.nanoTime() - start);
    } finally {
      warm.arriveAndDeregister(); // also of one that failed, for which the others must not wait
    }
  }
}
