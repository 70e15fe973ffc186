package dev.catena.engine;

import java.util.function.Function;

/**
 * One way in which an engine computes a problem on a device, with everything that was found when
 * the engine was asked. Immutable; {@code preparation} may be called from any thread.
 *
 * @param name by which it is chosen, reported and remembered: the engine's, or that of a tile
 * @param competes whether it is worth measuring where others can do the same: a kernel that a
 *     device runs only to check it is not
 * @param workspace bytes of scratch memory that it needs while it computes
 * @param preparation gives the launches on given addresses, and does not fail
 */
public record Offer(
    String name, boolean competes, long workspace, Function<Binding, Work> preparation) {
  /** An offer that competes. */
  public Offer(String name, long workspace, Function<Binding, Work> preparation) {
    this(name, true, workspace, preparation);
  }

  /** The launches on given addresses. */
  public Work prepare(Binding binding) {
    return preparation.apply(binding);
  }
}
