package dev.catena.engine;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** An engine's answer to a problem on a device. */
public sealed interface Offers {
  /**
   * It computes the problem.
   *
   * @param preferred what it takes where nobody measures; has the engine's name
   * @param ways each with a name of its own; those that compete are measured in place of {@code
   *     preferred}, the others are there to be checked
   */
  record Some(Offer preferred, List<Offer> ways) implements Offers {
    public Some {
      ways = List.copyOf(ways);
    }

    /** The offers that are worth measuring; may be empty. */
    public List<Offer> contenders() {
      List<Offer> competing = ways.stream().filter(Offer::competes).toList();
      return competing.isEmpty() && preferred.competes() ? List.of(preferred) : competing;
    }
  }

  /** It does not, for this reason. */
  record Refusal(String reason) implements Offers {}

  /** An answer of one offer. */
  static Offers of(Offer offer) {
    return new Some(offer, List.of());
  }

  /** A refusal for {@code reason}; without one what {@code offers} gives. */
  static Offers unless(Optional<String> reason, Supplier<Offers> offers) {
    return reason.<Offers>map(Refusal::new).orElseGet(offers);
  }

  /** The offers, if there are any. */
  default Optional<Some> some() {
    return this instanceof Some some ? Optional.of(some) : Optional.empty();
  }

  /** Why there are none. */
  default Optional<String> refusal() {
    return this instanceof Refusal(String reason) ? Optional.of(reason) : Optional.empty();
  }
}
