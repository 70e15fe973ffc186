package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.error.CudaException;
import dev.catena.error.DeviceLostException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Measures who computes a problem fastest on this device, and remembers. Thread-safe; one problem
 * is measured at a time.
 *
 * <p>An engine that fails while it is measured is not chosen, and the log says why; only a lost
 * device ends it all.
 */
public final class Tuner {
  private static final System.Logger LOG = System.getLogger(Tuner.class.getName());
  private static final int RUNS = 7;

  private final Device device;
  private final TuningCache cache;

  /**
   * A tuner of one device.
   *
   * @param cache where choices of earlier processes are
   */
  public Tuner(Device device, TuningCache cache) {
    this.device = device;
    this.cache = cache;
  }

  /**
   * The fastest engine, a later one only if it is faster by more than the noise; from the cache if
   * it was measured before, the first where none can be measured.
   */
  public Engine fastest(Problem problem, List<Engine> engines) {
    Optional<TuningCache.Choice> choice = choice(problem, engines);
    return engines.stream()
        .filter(e -> choice.isPresent() && e.name().equals(choice.get().engine()))
        .findFirst()
        .orElse(engines.getFirst());
  }

  /** Microseconds of the fastest; infinite where none can be measured. */
  double micros(Problem problem, List<Engine> engines) {
    return choice(problem, engines)
        .map(TuningCache.Choice::micros)
        .orElse(Double.POSITIVE_INFINITY);
  }

  private synchronized Optional<TuningCache.Choice> choice(Problem problem, List<Engine> engines) {
    Optional<TuningCache.Choice> known = cache.choice(problem);
    if (known.isPresent()
        && engines.stream().anyMatch(e -> e.name().equals(known.get().engine()))) {
      return known;
    }
    ChoiceEvent event = new ChoiceEvent();
    event.begin();
    Map<String, Timing> times = measure(problem, engines);
    LOG.log(System.Logger.Level.DEBUG, () -> problem + ": " + times);
    Optional<TuningCache.Choice> best =
        times.entrySet().stream()
            .reduce((a, b) -> a.getValue().slowerThan(b.getValue()) ? b : a)
            .map(e -> new TuningCache.Choice(e.getKey(), e.getValue().micros()));
    best.ifPresent(choice -> cache.remember(problem, choice));
    event.commit(problem, best, times);
    return best;
  }

  /** In the engines' order, without those that fail. */
  private Map<String, Timing> measure(Problem problem, List<Engine> engines) {
    Map<String, Timing> times = new LinkedHashMap<>();
    try (EngineTimer timer = new EngineTimer(device, problem, RUNS)) {
      for (Engine engine : engines) {
        try {
          times.put(engine.name(), timer.time(engine));
        } catch (RuntimeException e) {
          skip(engine.name() + " is not considered for " + problem, e);
        }
      }
    } catch (RuntimeException e) {
      skip("nobody can be measured on " + problem, e);
    }
    return times;
  }

  private static void skip(String what, RuntimeException why) {
    if (why instanceof DeviceLostException
        || (why instanceof CudaException driver && driver.sticky())) {
      throw why;
    }
    LOG.log(System.Logger.Level.WARNING, what + ": " + why);
  }

  /** Writes the choices to their file. */
  void save() {
    cache.save();
  }
}
