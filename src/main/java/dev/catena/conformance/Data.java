package dev.catena.conformance;

/** The kind of a case's numbers, which decides how its result is compared. */
enum Data {
  /** Small integers and power-of-two scales: every sum is exact in fp32, so the result is too. */
  EXACT,
  /** The same with shifts far above zero, which show where padding is applied before the ReLU. */
  SHIFTED,
  /** Random reals, compared with tolerances. */
  REAL,
  /** Random reals with infinities, NaN, zeros of both signs and values beyond fp16 among them. */
  SPECIAL,
  /** Random reals around a thousand: what a difference of squares loses. */
  OFFSET,
  /**
   * {@link #EXACT}, but every second channel's values, or else its filters, have a bit more than
   * TF32 holds: exact for whoever rounds both to nearest, ties away from zero.
   */
  ROUNDED;

  /** True if the rounded reference must be met bit for bit. */
  boolean exact() {
    return this == EXACT || this == SHIFTED || this == ROUNDED;
  }
}
