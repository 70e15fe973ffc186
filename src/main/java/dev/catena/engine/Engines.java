package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.error.UnsupportedOnDeviceException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Some engines of a device, in order of preference, and the choice among them. Thread-safe. */
public final class Engines {
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

  /** The engines, in order of preference. */
  public List<Engine> all() {
    return engines;
  }

  /**
   * Whether one launch for {@code fused} is better than one for each of {@code parts}. It is
   * measured and remembered; without a tuner an engine has to compete for it.
   */
  public boolean worthFusing(Problem fused, List<Problem> parts) {
    List<Offers.Some> able = able(fused);
    if (forced.isPresent() && able.stream().noneMatch(this::isForced)
        || able.stream().allMatch(offers -> offers.contenders().isEmpty())) {
      return false;
    }
    return tuner.isEmpty()
        || tuner.get().isWorthFusing(contest(fused), parts.stream().map(this::contest).toList());
  }

  private Tuner.Contest contest(Problem problem) {
    return new Tuner.Contest(problem, contenders(problem));
  }

  /**
   * How {@code problem} is computed.
   *
   * @throws UnsupportedOnDeviceException if no engine computes it, with everyone's reason
   */
  public Offer choose(Problem problem) {
    List<Offers.Some> able = requireAble(problem);
    List<Offer> contenders = contenders(able);
    if (contenders.size() > 1 && tuner.isPresent()) {
      return tuner.get().fastest(new Tuner.Contest(problem, contenders));
    }
    return able.stream()
        .map(Offers.Some::preferred)
        .filter(Offer::competes)
        .findFirst()
        .orElse(able.getFirst().preferred());
  }

  /**
   * What is worth measuring on {@code problem}, in order of preference; at least one.
   *
   * @throws UnsupportedOnDeviceException if no engine computes it, with everyone's reason
   */
  public List<Offer> contenders(Problem problem) {
    return contenders(requireAble(problem));
  }

  private static List<Offer> contenders(List<Offers.Some> able) {
    List<Offer> contenders = able.stream().flatMap(some -> some.contenders().stream()).toList();
    return contenders.isEmpty() ? List.of(able.getFirst().preferred()) : contenders;
  }

  private List<Offers.Some> requireAble(Problem problem) {
    List<Offers.Some> able = able(problem);
    if (able.isEmpty()) {
      throw new UnsupportedOnDeviceException(
          problem.op().toString(), problem.output().shape().toString(), reasons(problem));
    }
    return able;
  }

  /** The answers of those that compute it: of the forced engine alone where it does. */
  private List<Offers.Some> able(Problem problem) {
    List<Offers.Some> able =
        engines.stream().flatMap(e -> e.offers(problem, device).some().stream()).toList();
    List<Offers.Some> wanted = able.stream().filter(this::isForced).toList();
    return wanted.isEmpty() ? able : wanted;
  }

  private boolean isForced(Offers.Some offers) {
    return offers.preferred().name().equals(forced.orElse(null));
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
