package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.error.UnsupportedOnDeviceException;
import java.util.ArrayList;
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
   * Whether one launch for {@code fused} is better than one for each of {@code parts}. Where nobody
   * knows without measuring, it is measured and remembered; without a tuner an engine has to
   * compete for it.
   */
  public boolean worthFusing(Problem fused, List<Problem> parts) {
    List<Engine> able =
        engines.stream()
            .filter(e -> forced.isEmpty() || e.name().equals(forced.get()))
            .filter(e -> e.unsupported(fused, device).isEmpty())
            .toList();
    boolean cuda = device.kind() == Device.Kind.CUDA;
    boolean unsure =
        able.stream()
            .anyMatch(
                e -> !e.alternatives(fused, device).isEmpty() || cuda && e.competes(fused, device));
    if (tuner.isPresent() && unsure) {
      double together = parts.stream().mapToDouble(this::micros).sum();
      double once = micros(fused);
      return Double.isFinite(once) && once <= together;
    }
    return able.stream().anyMatch(e -> e.competes(fused, device));
  }

  private double micros(Problem problem) {
    return tuner.orElseThrow().micros(problem, contenders(problem));
  }

  /**
   * Who computes {@code problem}.
   *
   * @throws UnsupportedOnDeviceException if nobody can, with everyone's reason
   */
  public Engine choose(Problem problem) {
    List<Engine> contenders = contenders(problem);
    if (contenders.size() > 1 && tuner.isPresent()) {
      return tuner.get().fastest(problem, contenders);
    }
    List<Engine> able = able(problem);
    return able.stream()
        .filter(e -> e.competes(problem, device))
        .findFirst()
        .orElse(able.getFirst());
  }

  /**
   * Those whom it is worth measuring on {@code problem}, in order of preference: engines that
   * compete, and in place of an engine the ways among which it cannot choose.
   *
   * @throws UnsupportedOnDeviceException if nobody can compute it, with everyone's reason
   */
  public List<Engine> contenders(Problem problem) {
    List<Engine> able = able(problem);
    if (able.isEmpty()) {
      throw new UnsupportedOnDeviceException(
          problem.op().toString(), problem.output().shape().toString(), reasons(problem));
    }
    List<Engine> contenders = new ArrayList<>();
    for (Engine engine : able) {
      List<Engine> alternatives = engine.alternatives(problem, device);
      contenders.addAll(alternatives);
      if (alternatives.isEmpty() && engine.competes(problem, device)) {
        contenders.add(engine);
      }
    }
    return contenders.isEmpty() ? able.subList(0, 1) : contenders;
  }

  /** Who can compute it: the forced engine alone where it can. */
  private List<Engine> able(Problem problem) {
    List<Engine> able =
        engines.stream().filter(e -> e.unsupported(problem, device).isEmpty()).toList();
    List<Engine> wanted = able.stream().filter(e -> e.name().equals(forced.orElse(null))).toList();
    return wanted.isEmpty() ? able : wanted;
  }

  private String reasons(Problem problem) {
    List<String> reasons = new ArrayList<>();
    for (Engine engine : engines) {
      reasons.add(engine.name() + ": " + engine.unsupported(problem, device).orElseThrow());
    }
    return String.join("; ", reasons);
  }

  private String names() {
    return engines.stream().map(Engine::name).collect(Collectors.joining(", "));
  }
}
