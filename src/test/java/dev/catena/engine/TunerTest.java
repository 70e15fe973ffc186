package dev.catena.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TunerTest {
  private static final Problem PROBLEM = problem(8);

  @TempDir private Path folder;

  @Test
  void theFastestIsChosenAndRememberedByLaterProcesses() {
    try (Device device = Device.open("host")) {
      long before = device.usedMemory();
      Fake slow = new Fake("slow", 20);
      Fake fast = new Fake("fast", 0);
      Engines engines = engines(device, open(), slow, fast);
      assertSame(fast, engines.choose(PROBLEM));
      assertEquals(9, slow.runs);
      engines.remember();
      assertEquals(before, device.usedMemory());
      Fake again = new Fake("slow", 0);
      assertEquals("fast", engines(device, open(), again, fast).choose(PROBLEM).name());
      assertEquals(0, again.runs);
    }
  }

  @Test
  void whoWasTheFastestButIsGoneIsMeasuredAnew() {
    try (Device device = Device.open("host")) {
      TuningCache cache = open();
      cache.remember(PROBLEM, "gone", Map.of());
      Fake a = new Fake("a", 0);
      Fake b = new Fake("b", 20);
      assertSame(a, engines(device, cache, a, b).choose(PROBLEM));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"workspace", "prepare", "enqueue"})
  void anEngineThatFailsLeavesNothingBehind(String where) {
    try (Device device = Device.open("host")) {
      long before = device.usedMemory();
      Fake sound = new Fake("sound", 0);
      Fake broken = new Fake("broken", 0);
      broken.fails = where;
      Engines engines = engines(device, open(), sound, broken);
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> engines.choose(PROBLEM));
      assertEquals(where, e.getMessage());
      assertEquals(before, device.usedMemory());
      assertEquals(broken.prepared, broken.closed);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[1, 2]",
        "{\"a\": ",
        "{\"a\": {\"b\": [{}]}, \"c\": 3, \"d\": null}",
        "\u0000\u0001 garbage",
        "{\"a\" \"b\"}"
      })
  void aFileOfGarbageCountsAsEmptyAndIsReplaced(String garbage) throws IOException {
    Path file = open().file();
    Files.writeString(file, garbage);
    TuningCache cache = open();
    assertEquals(Optional.empty(), cache.choice(PROBLEM));
    cache.remember(PROBLEM, "kernel", Map.of());
    cache.save();
    assertEquals(Optional.of("kernel"), open().choice(PROBLEM));
  }

  @Test
  void twoWritersLeaveOneWholeFileAndNothingElse() throws IOException {
    TuningCache one = open();
    TuningCache two = open();
    one.remember(PROBLEM, "one", Map.of());
    two.remember(PROBLEM, "two", Map.of());
    one.save();
    two.save();
    two.save();
    assertEquals(Optional.of("two"), open().choice(PROBLEM));
    assertEquals(Optional.empty(), open().choice(problem(16)));
    assertEquals(List.of(one.file()), filesIn(folder));
  }

  @Test
  void whatCannotBeWrittenCostsTheMemoryNotTheRun() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    TuningCache within = TuningCache.open(file, "host");
    within.remember(PROBLEM, "kernel", Map.of());
    within.save();
    assertEquals(Optional.of("kernel"), within.choice(PROBLEM));

    Path taken = TuningCache.open(folder, "taken").file();
    Files.createDirectories(taken.resolve("not empty"));
    TuningCache cache = TuningCache.open(folder, "taken");
    cache.remember(PROBLEM, "kernel", Map.of());
    cache.save();
    assertTrue(
        filesIn(folder).stream().noneMatch(path -> path.toString().endsWith(".tmp")),
        "a half-written file is left");
  }

  private TuningCache open() {
    return TuningCache.open(folder, "a CPU/of 1.0");
  }

  private static List<Path> filesIn(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.toList();
    }
  }

  private static Engines engines(Device device, TuningCache cache, Engine... engines) {
    Tuner tuner = new Tuner(device, cache);
    return new Engines(device, List.of(engines), Optional.empty(), Optional.of(tuner));
  }

  private static Problem problem(int channels) {
    Operand x = Operand.packed(Shape.nhwc(1, 4, 4, channels), DType.FP32);
    return new Problem(new Op.Relu(), List.of(x), x);
  }

  /** Computes nothing, in so many milliseconds. */
  private static final class Fake implements Engine {
    private final String name;
    private final int milliseconds;
    private String fails = "";
    private int runs;
    private int prepared;
    private int closed;

    Fake(String name, int milliseconds) {
      this.name = name;
      this.milliseconds = milliseconds;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public Optional<String> unsupported(Problem problem, Device device) {
      return Optional.empty();
    }

    @Override
    public long workspace(Problem problem, Device device) {
      failIn("workspace");
      return 1000;
    }

    @Override
    public Work prepare(Problem problem, Binding binding, Device device) {
      failIn("prepare");
      prepared++;
      return new Work() {
        @Override
        public void enqueue(Stream stream) {
          failIn("enqueue");
          runs++;
          try {
            Thread.sleep(milliseconds);
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        }

        @Override
        public int launches() {
          return 1;
        }

        @Override
        public void close() {
          closed++;
        }
      };
    }

    private void failIn(String here) {
      if (fails.equals(here)) {
        throw new IllegalStateException(here);
      }
    }
  }
}
