package dev.catena.measure;

import dev.catena.device.Device;
import dev.catena.engine.EngineTimer;
import dev.catena.engine.Engines;
import dev.catena.engine.Offer;
import dev.catena.engine.Problem;
import dev.catena.engine.Timing;
import dev.catena.error.CudaException;
import dev.catena.error.DeviceLostException;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * Measures everyone who competes for a problem. For one thread at a time.
 *
 * @param device to measure on
 * @param engines of the device
 * @param runs of each
 */
public record KernelBench(Device device, Engines engines, int runs) {
  /**
   * Times of one problem.
   *
   * @param chosen the engine that a program takes
   * @param times by engine, the chosen one first
   * @param failures by engine, why it could not be measured
   */
  public record Times(
      Problem problem,
      Cost cost,
      String chosen,
      Map<String, Timing> times,
      Map<String, String> failures) {
    /**
     * The time of the chosen engine.
     *
     * @throws IllegalStateException if it failed; the message says why
     */
    public Timing chosenTime() {
      Timing time = times.get(chosen);
      if (time == null) {
        throw new IllegalStateException(
            "%s failed on %s: %s".formatted(chosen, problem, failures.get(chosen)));
      }
      return time;
    }

    /**
     * The least time of the problem on a device with these peaks, as a share of the chosen
     * engine's. It exceeds 1 if the peaks are too low, or if the problem's tensors stay in a cache.
     */
    public double share(Peaks peaks) {
      return cost.least(peaks) / (chosenTime().micros() / 1e6);
    }
  }

  /**
   * Measures {@code problem}.
   *
   * @throws dev.catena.error.UnsupportedOnDeviceException if nobody computes it
   * @throws DeviceLostException if somebody ends the device; other failures are reported
   */
  public Times measure(Problem problem) {
    Offer chosen = engines.choose(problem);
    Set<Offer> all = new LinkedHashSet<>();
    all.add(chosen);
    all.addAll(engines.contenders(problem));
    Map<String, Timing> times = new LinkedHashMap<>();
    Map<String, String> failures = new LinkedHashMap<>();
    try (EngineTimer timer = new EngineTimer(device, problem, runs)) {
      for (Offer offer : all) {
        try {
          times.putIfAbsent(offer.name(), timer.time(offer));
        } catch (RuntimeException e) {
          requireAlive(e);
          failures.put(offer.name(), e.toString());
        }
      }
    }
    return new Times(problem, Cost.of(problem), chosen.name(), times, failures);
  }

  /** Throws {@code e} again if it lost the device. */
  static void requireAlive(RuntimeException e) {
    if (e instanceof DeviceLostException || (e instanceof CudaException c && c.sticky())) {
      throw e;
    }
  }
}
