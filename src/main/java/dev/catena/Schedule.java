package dev.catena;

import java.util.Arrays;
import java.util.List;

/** The learning rate over a run. Immutable and thread-safe. */
public sealed interface Schedule {
  /**
   * The factor of the learning rate.
   *
   * @param step from 0
   * @param steps of the whole run
   */
  double factor(long step, long steps);

  /** The same rate throughout. */
  record Constant() implements Schedule {
    @Override
    public double factor(long step, long steps) {
      return 1;
    }
  }

  /**
   * Multiplied by {@code by} at each share of the run; the papers on DenseNet and ResNet take a
   * tenth at ½ and ¾.
   *
   * @param at shares of the run, from 0 to 1
   * @param by usually below 1
   */
  record Steps(List<Double> at, double by) implements Schedule {
    /** Checks the shares. */
    public Steps {
      at = List.copyOf(at);
      at.forEach(Schedule::requireShare);
      if (!(by > 0 && by < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("a rate cannot be multiplied by " + by);
      }
    }

    @Override
    public double factor(long step, long steps) {
      double factor = 1;
      for (double share : at) {
        factor *= step >= share * steps ? by : 1;
      }
      return factor;
    }
  }

  /** From the full rate to none along half a cosine, Loshchilov and Hutter, arXiv 1608.03983. */
  record Cosine() implements Schedule {
    @Override
    public double factor(long step, long steps) {
      return 0.5 * (1 + StrictMath.cos(Math.PI * step / steps));
    }
  }

  /**
   * Rises evenly to the full rate, then another schedule for what is left of the run.
   *
   * @param share of the run that it rises for, from 0 to 1
   * @param then what follows
   */
  record WarmUp(double share, Schedule then) implements Schedule {
    /** Checks the share. */
    public WarmUp {
      requireShare(share);
    }

    @Override
    public double factor(long step, long steps) {
      long rising = Math.round(share * steps);
      return step < rising
          ? (step + 1.0) / (rising + 1.0)
          : then.factor(step - rising, steps - rising);
    }
  }

  /**
   * From a text: {@code constant}, {@code cosine}, {@code step} (a tenth at ½ and ¾ of the run),
   * {@code step:0.3,0.6,0.8:0.2}; in front perhaps {@code warmup:0.05+}.
   *
   * @throws IllegalArgumentException if it is none of these
   */
  static Schedule parse(String text) {
    int plus = text.indexOf('+');
    String[] parts = (plus < 0 ? text : text.substring(0, plus)).split(":", -1);
    try {
      if (plus >= 0 && parts[0].equals("warmup") && parts.length == 2) {
        return new WarmUp(Double.parseDouble(parts[1]), parse(text.substring(plus + 1)));
      } else if (text.equals("constant")) {
        return new Constant();
      } else if (text.equals("cosine")) {
        return new Cosine();
      } else if (plus < 0 && parts[0].equals("step") && parts.length <= 3) {
        List<Double> at =
            parts.length == 1
                ? List.of(0.5, 0.75)
                : Arrays.stream(parts[1].split(",", -1)).map(Double::valueOf).toList();
        return new Steps(at, parts.length == 3 ? Double.parseDouble(parts[2]) : 0.1);
      }
    } catch (NumberFormatException _) {
      // Said below.
    }
    throw new IllegalArgumentException(
        "there is no schedule '%s', only constant, cosine, step, step:0.5,0.75:0.1; in front perhaps warmup:0.05+"
            .formatted(text));
  }

  private static void requireShare(double share) {
    if (!(share >= 0 && share <= 1)) {
      throw new IllegalArgumentException(share + " is no share of the run, from 0 to 1");
    }
  }
}
