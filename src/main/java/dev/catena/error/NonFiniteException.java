package dev.catena.error;

import java.nio.file.Path;
import java.util.Optional;

/** Training met NaN or infinity: parameters and the last checkpoint are as they were before. */
public final class NonFiniteException extends CatenaException {
  private static final long serialVersionUID = 1;

  private final long step;
  private final String layer;

  /**
   * Creates the error.
   *
   * @param step at which it was met, from 0
   * @param loss of that step
   * @param layer where it first appeared
   * @param checkpoint the last good one, if there is any
   */
  public NonFiniteException(long step, float loss, String layer, Optional<Path> checkpoint) {
    super(
        "step %d: the loss is %s; not finite first is %s; %s; take a lower learning rate"
            .formatted(
                step,
                loss,
                layer,
                checkpoint
                    .map(f -> "the last good checkpoint is " + f)
                    .orElse("nothing was saved")));
    this.step = step;
    this.layer = layer;
  }

  /** At which it was met, from 0. */
  public long step() {
    return step;
  }

  /** The place where it first appeared: a step of the graph, or a parameter. */
  public String layer() {
    return layer;
  }
}
