package dev.catena.device;

/**
 * The extent of a grid in blocks or of a block in threads.
 *
 * @param x fastest
 * @param z slowest
 */
public record Dim(int x, int y, int z) {
  /** Checks that every extent is at least one. */
  public Dim {
    if (x < 1 || y < 1 || z < 1) {
      throw new IllegalArgumentException("extents must be positive: " + x + " x " + y + " x " + z);
    }
  }

  /** One extent. */
  public static Dim of(int x) {
    return new Dim(x, 1, 1);
  }

  /** Two extents. */
  public static Dim of(int x, int y) {
    return new Dim(x, y, 1);
  }

  /** Three extents. */
  public static Dim of(int x, int y, int z) {
    return new Dim(x, y, z);
  }

  /** Blocks of {@code each} that cover {@code count}. */
  public static int blocks(long count, int each) {
    return Math.toIntExact(Math.ceilDiv(count, (long) each));
  }

  /** The product of the extents. */
  public long count() {
    return (long) x * y * z;
  }

  @Override
  public String toString() {
    return x + "x" + y + "x" + z;
  }
}
