package dev.catena.conformance;

import dev.catena.device.Device;
import dev.catena.engine.Engine;
import dev.catena.engine.Offer;
import dev.catena.engine.Offers;
import dev.catena.engine.Problem;
import dev.catena.engine.kernel.KernelEngine;
import dev.catena.engine.registry.EngineRegistry;
import dev.catena.engine.tiled.TiledEngine;
import dev.catena.error.DeviceLostException;
import dev.catena.graph.Op.DenseLayer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The list of problems, and every engine of a device asked to solve them. One of Catena's own,
 * which need no library, must solve each; a dense layer in one launch is an engine's choice on a
 * GPU, and so required on the host alone.
 */
public final class Suite {
  /** The lists, resources of this package. */
  private static final List<String> LISTS =
      List.of(
          "elementwise",
          "layouts",
          "pools",
          "convolutions",
          "classifiers",
          "dense-layers",
          "convolution-gradients",
          "blocks",
          "normalisation-gradients",
          "pool-gradients",
          "classifier-gradients");

  /** Of our own engines the one that has every operation. */
  private static final String LAST_RESORT = KernelEngine.matrix().name();

  private final List<Case> cases;

  private Suite(List<Case> cases) {
    this.cases = cases;
  }

  /** Names of the lists. */
  public static List<String> lists() {
    return LISTS;
  }

  /** Everything. */
  public static Suite all() {
    return new Suite(LISTS.stream().flatMap(list -> read(list).stream()).toList());
  }

  /** One list. */
  public static Suite list(String name) {
    return new Suite(read(name));
  }

  /**
   * The cases of one line.
   *
   * @throws IllegalArgumentException if it is not a problem; the message says why
   */
  public static Suite problem(String line) {
    return new Suite(Case.parse(line));
  }

  /**
   * The cases of some operations.
   *
   * @param names how their names begin, separated by commas
   */
  public Suite of(String names) {
    List<String> prefixes = List.of(names.split(","));
    return new Suite(
        cases.stream().filter(one -> prefixes.stream().anyMatch(one.name()::startsWith)).toList());
  }

  /** What the cases ask, each once. */
  public List<Problem> problems() {
    return cases.stream().map(Case::problem).distinct().toList();
  }

  /** The cases as lines. */
  public List<String> lines() {
    return cases.stream().map(Case::line).toList();
  }

  /**
   * Runs every case on every engine that {@code chosen} accepts by name, and those whose numbers
   * are exact on every tile of our kernels; on these alone what nobody else has to round.
   *
   * @param each told of every outcome
   * @throws DeviceLostException if a case ends the device
   */
  public void run(Device device, Predicate<String> chosen, Consumer<Outcome> each) {
    List<Engine> engines =
        EngineRegistry.on(device, Optional.empty(), Optional.empty()).all().stream()
            .filter(engine -> chosen.test(engine.name()))
            .toList();
    List<String> tiles = KernelEngine.tiles().stream().filter(chosen).toList();
    for (Case one : cases) {
      Answer answer = new Answer(one);
      for (Engine engine : one.data() == Data.ROUNDED ? List.<Engine>of() : engines) {
        Offers offers = engine.offers(one.problem(), device);
        Outcome outcome = run(device, engine.name(), preferred(offers), why(offers), answer);
        each.accept(engine.name().equals(LAST_RESORT) ? required(outcome, device, one) : outcome);
      }
      if (one.data().exact() && !tiles.isEmpty()) {
        Offers offers = KernelEngine.matrix().offers(one.problem(), device);
        for (String tile : tiles) {
          each.accept(run(device, tile, named(tile, offers), "not on this tile", answer));
        }
      }
    }
  }

  private static Optional<Offer> preferred(Offers offers) {
    return offers.some().map(Offers.Some::preferred);
  }

  private static String why(Offers offers) {
    return offers.refusal().orElse("");
  }

  private static Optional<Offer> named(String name, Offers offers) {
    return offers.some().stream()
        .flatMap(some -> some.ways().stream())
        .filter(offer -> offer.name().equals(name))
        .findFirst();
  }

  /** A failure of the kernels where they cannot what no other engine of our own can either. */
  private static Outcome required(Outcome ofKernels, Device device, Case one) {
    boolean choice = device.kind() == Device.Kind.CUDA && one.problem().op() instanceof DenseLayer;
    boolean solved =
        ofKernels.verdict() != Outcome.Verdict.UNSUPPORTED
            || Stream.of(KernelEngine.direct(), TiledEngine.vectors())
                .anyMatch(engine -> engine.offers(one.problem(), device).some().isPresent());
    String why = "no engine of our own computes it: " + ofKernels.why();
    return choice || solved
        ? ofKernels
        : new Outcome(device.id(), LAST_RESORT, one.line(), Outcome.Verdict.FAILED, why);
  }

  private static Outcome run(
      Device device, String name, Optional<Offer> offer, String refusal, Answer answer) {
    Case one = answer.one();
    if (offer.isEmpty()) {
      return outcome(device, name, one, Outcome.Verdict.UNSUPPORTED, refusal);
    }
    try {
      return Trial.run(device, offer.get(), answer)
          .map(why -> outcome(device, name, one, Outcome.Verdict.FAILED, why))
          .orElseGet(() -> outcome(device, name, one, Outcome.Verdict.PASSED, ""));
    } catch (DeviceLostException lost) {
      throw lost;
    } catch (RuntimeException error) {
      return outcome(device, name, one, Outcome.Verdict.FAILED, error.toString());
    }
  }

  private static Outcome outcome(
      Device device, String engine, Case one, Outcome.Verdict verdict, String why) {
    return new Outcome(device.id(), engine, one.line(), verdict, why);
  }

  private static List<Case> read(String list) {
    List<Case> cases = new ArrayList<>();
    String file = list + ".txt";
    try (InputStream in = Suite.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalArgumentException("there is no list " + list + "; there are " + LISTS);
      }
      List<String> lines = new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
      for (int i = 0; i < lines.size(); i++) {
        String line = lines.get(i).strip();
        if (line.isEmpty() || line.startsWith("#")) {
          continue;
        }
        try {
          cases.addAll(Case.parse(line));
        } catch (RuntimeException e) {
          throw new IllegalArgumentException(file + ":" + (i + 1) + ": " + e.getMessage(), e);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return cases;
  }
}
