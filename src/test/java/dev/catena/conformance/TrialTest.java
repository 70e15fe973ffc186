package dev.catena.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import dev.catena.engine.Binding;
import dev.catena.engine.Engine;
import dev.catena.engine.Offer;
import dev.catena.engine.Work;
import dev.catena.engine.kernel.KernelEngine;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A wrong engine is found out, and said to be wrong in the right way. */
class TrialTest {
  private static final String LINE = "scale-shift 2x5x3x12 relu x=4/24 y=4/24 dtype=f16 data=exact";
  private static final Case CASE = Case.parse(LINE).getFirst();
  private static final int NEIGHBOUR_BYTES = 2;

  private static Device device;

  @BeforeAll
  static void open() {
    device = Device.open("host");
  }

  @AfterAll
  static void close() {
    device.close();
  }

  @Test
  void aRightEngineIsRight() {
    assertEquals(Optional.empty(), trial(new Spoiled((_, _) -> {}, true)));
  }

  @Test
  void anEngineThatComputesNothingIsFound() {
    assertFound("nothing", new Spoiled((_, _) -> {}, false), "360 of 360 values differ");
  }

  @Test
  void aChannelBeforeTheViewIsGuarded() {
    assertFound(
        "before",
        new Spoiled(
            (b, s) -> s.fill(b.output() - NEIGHBOUR_BYTES, (byte) 1, NEIGHBOUR_BYTES), true),
        "wrote outside its view: pixel 0, channel 3");
  }

  @Test
  void aChannelBehindTheViewIsGuarded() {
    long behind = 12 * NEIGHBOUR_BYTES;
    assertFound(
        "behind",
        new Spoiled((b, s) -> s.fill(b.output() + behind, (byte) 1, NEIGHBOUR_BYTES), true),
        "wrote outside its view: pixel 0, channel 16");
  }

  @Test
  void inputsAreGuarded() {
    assertFound(
        "input",
        new Spoiled((b, s) -> s.fill(b.input(0), (byte) 1, NEIGHBOUR_BYTES), true),
        "changed its input 0: pixel 0, channel 4");
  }

  @Test
  void aResultThatChangesIsFound() {
    int[] runs = {0};
    assertFound(
        "changes",
        new Spoiled(
            (b, s) -> {
              if (runs[0]++ > 0) {
                s.fill(b.output(), (byte) 0, NEIGHBOUR_BYTES);
              }
            },
            true),
        "two runs give different bits");
  }

  @Test
  void everyOutputIsGuarded() {
    Case sums = only("scale-shift-backward 2x5x3x12 relu sums=4/24");
    int behind = 12 * Float.BYTES;
    assertFound(
        sums,
        new Spoiled((b, s) -> s.fill(b.output(1) + behind, (byte) 1, Float.BYTES), true),
        "output 1: wrote outside its view: pixel 0, channel 16");
    assertFound(
        sums,
        new Spoiled((b, s) -> s.fill(b.output(1), (byte) 1, Float.BYTES), true),
        "output 1: 1 of 24 values differ; first at (n=0,h=0,w=0,c=0)");
  }

  @Test
  void thePaddingOfFiltersIsGuarded() {
    int behind = 12 * Float.BYTES;
    assertFound(
        only("linear-wgrad 3x1x1x12 k=7"),
        new Spoiled((b, s) -> s.fill(b.output() + behind, (byte) 0, Float.BYTES), true),
        "wrote outside its view: 48 bytes");
  }

  @Test
  void aResultMayLieWhereAnInputDoes() {
    Case inPlace = only("relu-backward 2x5x3x12 accumulate in-place y=4/24");
    assertEquals(
        Optional.empty(),
        Trial.run(device, new Spoiled((_, _) -> {}, true).offer(inPlace), new Answer(inPlace)));
    assertFound(inPlace, new Spoiled((_, _) -> {}, false), "values differ");
  }

  /**
   * Bits that TF32 does not hold show who rounds: our tiles with the permission, nobody without.
   */
  @Test
  void fp32IsRoundedToTf32OnlyWhereAllowed() {
    for (String edge : List.of("kernel=1x1", "kernel=3x3 pad=1x1")) {
      String line = "conv 1x5x3x20 k=12 " + edge + " dtype=f32 data=rounded";
      Case strict = Case.parse(line).getFirst();
      Case allowed = Case.parse(line + " tf32").getFirst();
      assertEquals(Optional.empty(), run(strict, KernelEngine.matrix()));
      assertEquals(Optional.empty(), run(allowed, KernelEngine.matrix()));
      String why = run(allowed, KernelEngine.direct()).orElse("nothing");
      assertTrue(why.contains("values differ"), why);
    }
  }

  private static Case only(String line) {
    return Case.parse(line + " dtype=f16 data=exact").getFirst();
  }

  private static void assertFound(Case one, Spoiled spoiled, String how) {
    String why = Trial.run(device, spoiled.offer(one), new Answer(one)).orElse("nothing");
    assertTrue(why.contains(how), one.line() + " was reported as: " + why);
  }

  private static void assertFound(String what, Spoiled spoiled, String how) {
    String why = trial(spoiled).orElse("nothing");
    assertTrue(why.contains(how), what + " was reported as: " + why);
  }

  private static Optional<String> trial(Spoiled spoiled) {
    return Trial.run(device, spoiled.offer(CASE), new Answer(CASE));
  }

  private static Optional<String> run(Case one, Engine engine) {
    return Trial.run(device, offer(engine, one), new Answer(one));
  }

  private static Offer offer(Engine engine, Case one) {
    return engine.offers(one.problem(), device).some().orElseThrow().preferred();
  }

  /** Our kernel, if it is to run at all, and then something that should not happen. */
  private record Spoiled(BiConsumer<Binding, Stream> spoil, boolean computes) {
    Offer offer(Case one) {
      Offer sound = TrialTest.offer(KernelEngine.matrix(), one);
      return new Offer("spoiled", sound.workspace(), b -> prepare(sound, b));
    }

    private Work prepare(Offer sound, Binding binding) {
      Work work = sound.prepare(binding);
      return new Work() {
        @Override
        public void enqueue(Stream stream) {
          if (computes) {
            work.enqueue(stream);
          }
          spoil.accept(binding, stream);
        }

        @Override
        public int launches() {
          return work.launches();
        }

        @Override
        public void close() {
          work.close();
        }
      };
    }
  }
}
