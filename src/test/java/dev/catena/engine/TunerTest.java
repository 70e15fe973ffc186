package dev.catena.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import dev.catena.error.CudaException;
import dev.catena.error.DeviceLostException;
import dev.catena.graph.DType;
import dev.catena.graph.Op;
import dev.catena.graph.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("slow")
class TunerTest {
  private static final Problem PROBLEM = problem(8);
  private static final String QUESTION = PROBLEM.kind();

  @TempDir private Path folder;

  @Test
  void theFastestIsChosenAndRememberedByLaterProcesses() {
    try (Device device = Device.open("host")) {
      long before = device.usedMemory();
      Fake slow = new Fake("slow", 100);
      Fake fast = new Fake("fast", 0);
      Engines engines = engines(device, open(), slow, fast);
      assertEquals(fast.name(), engines.choose(PROBLEM).name());
      assertEquals(4, slow.runs, "one to warm up, and three of what takes long");
      assertTrue(fast.runs >= slow.runs, "one to warm up, and seven, if none was interrupted");
      engines.remember();
      assertEquals(before, device.usedMemory());
      Fake again = new Fake("slow", 0);
      assertEquals("fast", engines(device, open(), again, fast).choose(PROBLEM).name());
      assertEquals(0, again.runs);
    }
  }

  @Test
  void aLaterEngineMustBeFasterByMoreThanTheNoise() {
    try (Device device = Device.open("host")) {
      Fake preferred = new Fake("preferred", 14);
      Fake noisy = new Fake("noisy", 10);
      preferred.noise = 20;
      noisy.noise = 20;
      assertEquals(
          preferred.name(), engines(device, open(), preferred, noisy).choose(PROBLEM).name());
    }
  }

  @Test
  void whoWasTheFastestButIsGoneIsMeasuredAnew() {
    try (Device device = Device.open("host")) {
      TuningCache cache = open();
      cache.remember(QUESTION, choice("gone"));
      Fake a = new Fake("a", 0);
      Fake b = new Fake("b", 100);
      assertEquals(a.name(), engines(device, cache, a, b).choose(PROBLEM).name());
      assertTrue(a.runs > 0);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"prepare", "enqueue"})
  void anEngineThatFailsIsNotChosenAndLeavesNothingBehind(String where) {
    try (Device device = Device.open("host")) {
      long before = device.usedMemory();
      Fake sound = new Fake("sound", 100);
      Fake broken = new Fake("broken", 0);
      broken.fails = new IllegalStateException("broken");
      broken.failsIn = where;
      assertEquals(sound.name(), engines(device, open(), broken, sound).choose(PROBLEM).name());
      assertEquals(4, sound.runs);
      assertEquals(before, device.usedMemory());
      assertEquals(broken.prepared, broken.closed);
    }
  }

  @Test
  void whereNobodyCanBeMeasuredTheFirstIsTakenAndNothingRemembered() {
    try (Device device = Device.open("host")) {
      Fake first = new Fake("first", 0);
      Fake second = new Fake("second", 0);
      for (Fake fake : List.of(first, second)) {
        fake.fails = new IllegalStateException("broken");
        fake.failsIn = "prepare";
      }
      TuningCache cache = open();
      assertEquals(first.name(), engines(device, cache, first, second).choose(PROBLEM).name());
      assertEquals(Optional.empty(), cache.choice(QUESTION));
    }
  }

  /** What was the fastest where TF32 is allowed says nothing where it is not. */
  @Test
  void choicesWithAndWithoutTf32AreApart() {
    TuningCache cache = open();
    cache.remember(PROBLEM.withTf32(true).kind(), choice("rounding"));
    assertEquals(Optional.empty(), cache.choice(QUESTION));
    assertEquals(Optional.of(choice("rounding")), cache.choice(PROBLEM.withTf32(true).kind()));
  }

  @Test
  void aLostDeviceEndsTheTuning() {
    CudaException sticky = new CudaException("cuLaunchKernel", 719, "LAUNCH_FAILED", true, "");
    for (RuntimeException lost : List.of(sticky, new DeviceLostException("host", sticky))) {
      try (Device device = Device.open("host")) {
        Fake broken = new Fake("broken", 0);
        broken.fails = lost;
        broken.failsIn = "enqueue";
        Engines engines = engines(device, open(), broken, new Fake("sound", 0));
        assertSame(lost, assertThrows(RuntimeException.class, () -> engines.choose(PROBLEM)));
      }
    }
  }

  @Test
  void anEngineThatCannotChooseIsMeasuredInEveryWayItHas() {
    try (Device device = Device.open("host")) {
      Fake two = new Fake("two ways", 0);
      Fake slow = new Fake("slow way", 100);
      Fake fast = new Fake("fast way", 0);
      two.ways = List.of(slow, fast);
      Fake other = new Fake("other", 100);
      assertEquals("fast way", engines(device, open(), two, other).choose(PROBLEM).name());
      assertEquals(0, two.runs);
      Engines unmeasured = new Engines(device, List.of(two), Optional.empty(), Optional.empty());
      assertEquals("two ways", unmeasured.choose(PROBLEM).name());
    }
  }

  @Test
  void whatIsMuchSlowerIsNotMeasuredToTheEnd() {
    try (Device device = Device.open("host")) {
      Fake fast = new Fake("fast", 30);
      Fake slow = new Fake("slow", 72);
      Fake hopeless = new Fake("hopeless", 600);
      assertEquals("fast", engines(device, open(), fast, slow, hopeless).choose(PROBLEM).name());
      assertEquals(4, fast.runs);
      assertEquals(3, slow.runs, "given up after two");
      assertEquals(1, hopeless.runs, "given up while it warms up");
    }
  }

  /** One part takes longer than the fused launch: by how much, nobody needs to know. */
  @Test
  void partsAreMeasuredUntilTheFusedLaunchIsSeenToBeFaster() {
    Problem fused = problem(24);
    List<Problem> parts = List.of(problem(8), problem(16));
    try (Device device = Device.open("host")) {
      Fake together = new Fake("together", 20, fused);
      Fake first = new Fake("first", 600, parts.getFirst());
      Fake second = new Fake("second", 1, parts.getLast());
      TuningCache cache = open();
      assertTrue(engines(device, cache, together, first, second).worthFusing(fused, parts));
      assertEquals(1, first.runs);
      assertEquals(0, second.runs);
      assertEquals(Optional.empty(), cache.choice(parts.getFirst().kind()));
    }
  }

  @Test
  void aFusionIsTakenWhereItIsMeasuredToBeFasterAndOnceOnly() {
    Problem fused = problem(24);
    List<Problem> parts = List.of(problem(8), problem(16));
    try (Device device = Device.open("host")) {
      Fake together = new Fake("together", 60, fused);
      Fake apart = new Fake("apart", 40, parts.toArray(Problem[]::new));
      Engines engines = engines(device, open(), together, apart);
      assertTrue(engines.worthFusing(fused, parts), "60 ms against 80");
      engines.remember();
      int runs = apart.runs;
      Engines later = engines(device, open(), together, apart);
      assertTrue(later.worthFusing(fused, parts));
      assertEquals(0, later.measured());
      assertEquals(3, engines.measured(), "the fused launch and both parts");
      assertEquals(runs, apart.runs, "measured once");

      Fake slow = new Fake("slow", 300, fused);
      TuningCache other = TuningCache.open(folder, "another CPU");
      assertFalse(engines(device, other, slow, apart).worthFusing(fused, parts), "300 against 80");
    }
  }

  @Test
  void withoutMeasuringAFusionIsTakenWhereAnEngineCompetesForIt() {
    Problem fused = problem(24);
    List<Problem> parts = List.of(problem(8), problem(16));
    try (Device device = Device.open("host")) {
      Fake all = new Fake("all", 0);
      Fake none = new Fake("none", 0, parts.toArray(Problem[]::new));
      assertTrue(unmeasured(device, all).worthFusing(fused, parts));
      assertFalse(unmeasured(device, none).worthFusing(fused, parts));
      Engines forced =
          new Engines(device, List.of(all, none), Optional.of("none"), Optional.empty());
      assertFalse(forced.worthFusing(fused, parts), "the forced engine does its parts");
      assertEquals(0, all.runs + none.runs);
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
    assertEquals(Optional.empty(), cache.choice(QUESTION));
    cache.remember(QUESTION, choice("kernel"));
    cache.save();
    assertEquals(Optional.of(choice("kernel")), open().choice(QUESTION));
  }

  @Test
  void twoWritersLeaveOneWholeFileAndNothingElse() throws IOException {
    TuningCache one = open();
    TuningCache two = open();
    one.remember(QUESTION, choice("one"));
    two.remember(QUESTION, choice("two"));
    one.save();
    two.save();
    two.save();
    assertEquals(Optional.of(choice("two")), open().choice(QUESTION));
    assertEquals(Optional.empty(), open().choice(problem(16).kind()));
    assertEquals(List.of(one.file()), filesIn(folder));
  }

  @Test
  void whatCannotBeWrittenCostsTheMemoryNotTheRun() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    TuningCache within = TuningCache.open(file, "host");
    within.remember(QUESTION, choice("kernel"));
    within.save();
    assertEquals(Optional.of(choice("kernel")), within.choice(QUESTION));

    Path taken = TuningCache.open(folder, "taken").file();
    Files.createDirectories(taken.resolve("not empty"));
    TuningCache cache = TuningCache.open(folder, "taken");
    cache.remember(QUESTION, choice("kernel"));
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

  private static Engines unmeasured(Device device, Engine... engines) {
    return new Engines(device, List.of(engines), Optional.empty(), Optional.empty());
  }

  private static TuningCache.Choice choice(String engine) {
    return new TuningCache.Choice(engine, 12.5, 0.5);
  }

  private static Problem problem(int channels) {
    Operand x = Operand.packed(Shape.nhwc(1, 4, 4, channels), DType.FP32);
    return new Problem(new Op.Relu(), List.of(x), x);
  }

  /** Computes nothing, in so many milliseconds. */
  private static final class Fake implements Engine {
    private final String name;
    private final int milliseconds;
    private final List<Problem> supported;
    private List<Fake> ways = List.of();
    private RuntimeException fails;
    private String failsIn = "";
    private int noise; // milliseconds more in every second run
    private int runs;
    private int prepared;
    private int closed;

    /** Supports these problems, or, if there are none, all. */
    Fake(String name, int milliseconds, Problem... supported) {
      this.name = name;
      this.supported = List.of(supported);
      this.milliseconds = milliseconds;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public Offers offers(Problem problem, Device device) {
      return supported.isEmpty() || supported.contains(problem)
          ? new Offers.Some(offer(), ways.stream().map(Fake::offer).toList())
          : new Offers.Refusal("not its problem");
    }

    private Offer offer() {
      return new Offer(name, 1000, _ -> prepare());
    }

    private Work prepare() {
      failIn("prepare");
      prepared++;
      return new Work() {
        @Override
        public void enqueue(Stream stream) {
          failIn("enqueue");
          stream.synchronize(); // Its time begins when the cache is overwritten.
          runs++;
          try {
            Thread.sleep(milliseconds + runs % 2 * noise);
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
      if (failsIn.equals(here)) {
        throw fails;
      }
    }
  }
}
