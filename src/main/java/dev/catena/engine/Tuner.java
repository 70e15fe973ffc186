package dev.catena.engine;

import dev.catena.device.Device;
import dev.catena.error.CudaException;
import dev.catena.error.DeviceLostException;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Measures what computes a problem fastest on this device, and remembers. Thread-safe; one problem
 * is measured at a time.
 *
 * <p>An offer that fails while it is measured is not chosen, and the log says why; only a lost
 * device ends it all.
 */
public final class Tuner {
  private static final System.Logger LOG = System.getLogger(Tuner.class.getName());
  private static final int RUNS = 7;

  private static final String FUSED = "fused";
  private static final String PARTS = "parts";

  private final Device device;
  private final TuningCache cache;
  private int measured;

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
   * A problem and what competes for it, in order of preference.
   *
   * @param kind of problems that share the choice
   * @param offers at least one
   */
  record Contest(String kind, Problem problem, List<Offer> offers) {
    private Optional<Offer> named(TuningCache.Choice choice) {
      return offers.stream().filter(o -> o.name().equals(choice.engine())).findFirst();
    }
  }

  /** The name of what was the fastest for problems of this kind, if that was measured. */
  Optional<String> known(String kind) {
    return cache.choice(kind).map(TuningCache.Choice::engine);
  }

  /**
   * The name of the fastest offer, a later one only if it is faster by more than the noise; from
   * the cache if one of its kind was measured before, the first where none can be measured.
   */
  synchronized String fastest(Contest contest) {
    return cache
        .choice(contest.kind())
        .flatMap(contest::named)
        .or(() -> choice(contest, Double.POSITIVE_INFINITY).flatMap(contest::named))
        .orElse(contest.offers().getFirst())
        .name();
  }

  /**
   * Whether {@code fused} is not slower than all of {@code parts} together, which have to be faster
   * by more than the noise. What is slower than all that is left of the time is not measured to the
   * end. The answer is remembered for {@link #knownWorthFusing}.
   */
  synchronized boolean isWorthFusing(Contest fused, List<Contest> parts) {
    Optional<TuningCache.Choice> once = choice(fused, Double.POSITIVE_INFINITY);
    if (once.isEmpty()) {
      return false;
    }
    double left = once.get().micros() - once.get().spread();
    for (Contest part : measuredFirst(parts)) {
      if (left > 0) {
        left -= choice(part, left).map(c -> c.micros() + c.spread()).orElse(left);
      }
    }
    String better = left > 0 ? PARTS : FUSED;
    cache.remember(
        question(fused.problem()),
        new TuningCache.Choice(better, once.get().micros(), once.get().spread()));
    return left <= 0;
  }

  /** The same for a problem of this kind, if it was measured: dense layers have many of a kind. */
  Optional<Boolean> knownWorthFusing(Problem fused) {
    return known(question(fused)).map(FUSED::equals);
  }

  private static String question(Problem fused) {
    return "fused or in parts: " + fused.kind();
  }

  private List<Contest> measuredFirst(List<Contest> contests) {
    return contests.stream()
        .sorted(Comparator.comparing(c -> cache.choice(c.problem().toString()).isEmpty()))
        .toList();
  }

  /**
   * The fastest offer; where all are slower than {@code limit}, one of them, and not remembered.
   */
  private synchronized Optional<TuningCache.Choice> choice(Contest contest, double limit) {
    String problem = contest.problem().toString();
    Optional<TuningCache.Choice> known = cache.choice(problem);
    if (known.flatMap(contest::named).isPresent()) {
      return known;
    }
    ChoiceEvent event = new ChoiceEvent();
    event.begin();
    Map<String, Timing> times = measure(contest, limit);
    measured++;
    LOG.log(System.Logger.Level.DEBUG, () -> problem + ": " + times);
    Optional<TuningCache.Choice> best =
        times.entrySet().stream()
            .reduce((a, b) -> a.getValue().slowerThan(b.getValue()) ? b : a)
            .map(
                e ->
                    new TuningCache.Choice(
                        e.getKey(), e.getValue().micros(), e.getValue().spread()));
    best.filter(choice -> choice.micros() <= limit)
        .ifPresent(
            choice -> {
              cache.remember(problem, choice);
              cache.remember(contest.kind(), choice);
            });
    event.commit(contest.problem(), best, times);
    return best;
  }

  /** In the offers' order, without those that fail. */
  private Map<String, Timing> measure(Contest contest, double limit) {
    Map<String, Timing> times = new LinkedHashMap<>();
    double least = limit;
    try (EngineTimer timer = new EngineTimer(device, contest.problem(), RUNS)) {
      for (Offer offer : contest.offers()) {
        try {
          Timing time = timer.time(offer, least);
          times.put(offer.name(), time);
          least = Math.min(least, time.micros());
        } catch (RuntimeException e) {
          skip(offer.name() + " is not considered for " + contest.problem(), e);
        }
      }
    } catch (RuntimeException e) {
      skip("nothing can be measured on " + contest.problem(), e);
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

  /** Problems that were measured, for no choice was kept. */
  synchronized int measured() {
    return measured;
  }

  /** Writes the choices to their file. */
  void save() {
    cache.save();
  }
}
