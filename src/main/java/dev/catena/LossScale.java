package dev.catena;

import dev.catena.graph.DType;

/**
 * The factor of the loss before the backward pass, so that small gradients are not lost in fp16:
 * doubled every 2,000 steps, halved when a gradient overflows. A function of the steps alone, so
 * that a resumed run scales as the one it continues. Micikevicius et al., arXiv 1710.03740.
 *
 * @param value a power of two
 * @param dynamic whether it changes
 */
record LossScale(float value, boolean dynamic) {
  private static final float INITIAL = 1 << 16;
  private static final float LARGEST = 1 << 24;
  private static final int INTERVAL = 2000;

  static LossScale initial(DType dtype) {
    return dtype == DType.FP16 ? new LossScale(INITIAL, true) : new LossScale(1, false);
  }

  /** This kind of scale with another value. */
  LossScale with(float other) {
    return other == value || !dynamic ? this : new LossScale(other, true);
  }

  /**
   * The scale after a step.
   *
   * @param finite whether its gradients were
   * @param steps taken, this one included
   */
  LossScale after(boolean finite, long steps) {
    if (!finite) {
      return with(Math.max(1, value / 2));
    }
    return steps % INTERVAL == 0 ? with(Math.min(LARGEST, 2 * value)) : this;
  }
}
