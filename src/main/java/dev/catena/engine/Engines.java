package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.error.UnsupportedOnDeviceException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Some engines of a device, in order of preference, and the choice among them. Thread-safe. */
public final class Engines {
  /** Of a batch of which a part is measured, and pixels of that part at least. */
  private static final int IMAGES_OF_A_THREAD = 2;

  private static final long LEAST_PIXELS = 2048;

  private final Device device;
  private final List<Engine> engines;
  private final Optional<String> forced;
  private final Optional<Tuner> tuner;

  /**
   * A choice among given engines.
   *
   * @param device they run on
   * @param engines in order of preference
   * @param forced the name of the one that does whatever it supports
   * @param tuner measures where several compete; without one the first of them is taken
   */
  public Engines(
      Device device, List<Engine> engines, Optional<String> forced, Optional<Tuner> tuner) {
    this.device = device;
    this.engines = List.copyOf(engines);
    this.forced = forced;
    this.tuner = tuner;
    if (forced.isPresent() && engines.stream().noneMatch(e -> e.name().equals(forced.get()))) {
      throw new IllegalArgumentException(
          "there is no engine " + forced.get() + " on " + device.name() + "; there are " + names());
    }
  }

  /** Writes the tuner's choices to their file. */
  public void remember() {
    tuner.ifPresent(Tuner::save);
  }

  /** Problems that were measured so far: 0 where the choices of earlier processes were enough. */
  public int measured() {
    return tuner.map(Tuner::measured).orElse(0);
  }

  /** The engines, in order of preference. */
  public List<Engine> all() {
    return engines;
  }

  /**
   * Whether one launch for {@code fused} is better than one for each of {@code parts}. It is
   * measured and remembered; without a tuner an engine has to compete for it.
   */
  public boolean worthFusing(Problem fused, List<Problem> parts) {
    Problem measured = measured(fused);
    Optional<Boolean> known = free().flatMap(tuner -> tuner.knownWorthFusing(measured));
    if (known.isPresent()) {
      return known.get();
    }
    List<Able> able = able(fused);
    if (forced.isPresent() && able.stream().noneMatch(this::isForced)
        || able.stream().allMatch(one -> one.offers().contenders().isEmpty())) {
      return false;
    }
    return tuner.isEmpty()
        || tuner
            .get()
            .isWorthFusing(
                contest(measured), parts.stream().map(this::measured).map(this::contest).toList());
  }

  /** The tuner where no engine is forced, whose choices then serve without asking all engines. */
  private Optional<Tuner> free() {
    return tuner.filter(_ -> forced.isEmpty());
  }

  private Tuner.Contest contest(Problem problem) {
    return new Tuner.Contest(kind(problem), problem, contenders(problem));
  }

  /** A CPU's time is proportional to the images of a batch once there are enough of them. */
  private Problem measured(Problem problem) {
    return isHost()
        ? problem.withFewImages(IMAGES_OF_A_THREAD * device.threads(), LEAST_PIXELS)
        : problem;
  }

  /** A GPU's tiles are chosen for each problem. */
  private String kind(Problem problem) {
    return isHost() ? problem.kind() : problem.toString();
  }

  private boolean isHost() {
    return device.kind() == Device.Kind.HOST;
  }

  /**
   * How {@code problem} is computed.
   *
   * @throws UnsupportedOnDeviceException if no engine computes it, with everyone's reason
   */
  public Offer choose(Problem problem) {
    Problem measured = measured(problem);
    Optional<Offer> known =
        free().flatMap(t -> t.known(kind(measured))).flatMap(name -> named(name, problem));
    if (known.isPresent()) {
      return known.get();
    }
    List<Able> able = requireAble(problem);
    List<Offer> contenders = contenders(able);
    if (contenders.size() > 1 && tuner.isPresent()) {
      String fastest = tuner.get().fastest(contest(measured));
      return contenders.stream()
          .filter(offer -> offer.name().equals(fastest))
          .findFirst()
          .orElse(contenders.getFirst());
    }
    return able.stream()
        .map(one -> one.offers().preferred())
        .filter(Offer::competes)
        .findFirst()
        .orElse(able.getFirst().offers().preferred());
  }

  /** The offer of that name; engines after its own are not asked. */
  private Optional<Offer> named(String name, Problem problem) {
    return engines.stream()
        .flatMap(engine -> engine.offers(problem, device).some().stream())
        .flatMap(some -> some.contenders().stream())
        .filter(offer -> offer.name().equals(name))
        .findFirst();
  }

  /**
   * What is worth measuring on {@code problem}, in order of preference; at least one.
   *
   * @throws UnsupportedOnDeviceException if no engine computes it, with everyone's reason
   */
  public List<Offer> contenders(Problem problem) {
    return contenders(requireAble(problem));
  }

  private static List<Offer> contenders(List<Able> able) {
    return Stream.of(false, true)
        .map(last -> able.stream().filter(one -> one.engine().isLastResort() == last))
        .map(some -> some.flatMap(one -> one.offers().contenders().stream()).toList())
        .filter(contenders -> !contenders.isEmpty())
        .findFirst()
        .orElseGet(() -> List.of(able.getFirst().offers().preferred()));
  }

  private List<Able> requireAble(Problem problem) {
    List<Able> able = able(problem);
    if (able.isEmpty()) {
      throw new UnsupportedOnDeviceException(
          problem.op().toString(), problem.output().shape().toString(), reasons(problem));
    }
    return able;
  }

  /** An engine that computes a problem, and how. */
  private record Able(Engine engine, Offers.Some offers) {}

  /** Those that compute it: the forced engine alone where it does. */
  private List<Able> able(Problem problem) {
    List<Able> able =
        engines.stream()
            .flatMap(
                engine ->
                    engine.offers(problem, device).some().stream().map(o -> new Able(engine, o)))
            .toList();
    List<Able> wanted = able.stream().filter(this::isForced).toList();
    return wanted.isEmpty() ? able : wanted;
  }

  private boolean isForced(Able able) {
    return able.engine().name().equals(forced.orElse(null));
  }

  private String reasons(Problem problem) {
    return engines.stream()
        .map(e -> e.name() + ": " + e.offers(problem, device).refusal().orElseThrow())
        .collect(Collectors.joining("; "));
  }

  private String names() {
    return engines.stream().map(Engine::name).collect(Collectors.joining(", "));
  }
}
