package dev.catena.graph;

/** An extent of an operand: a letter, or a number that the operation gives. */
public sealed interface Extent permits Axis, Extent.Fixed {
  /** One. */
  Extent ONE = of(1);

  /** An extent that is not compared. */
  Extent ANY = new Fixed(0);

  /** A number. */
  record Fixed(int value) implements Extent {
    @Override
    public String toString() {
      return value == 0 ? "?" : String.valueOf(value);
    }
  }

  /** The number {@code value}. */
  static Extent of(int value) {
    return new Fixed(value);
  }
}
