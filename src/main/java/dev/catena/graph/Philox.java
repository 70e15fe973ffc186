package dev.catena.graph;

/**
 * Philox4x32-10, Salmon et al., SC 2011: a random number is a function of a key and a counter, so
 * any element's can be computed again, by any thread, in any order.
 *
 * <p>The device's kernels compute the same words.
 */
public final class Philox {
  private static final int ROUNDS = 10;
  private static final int WORDS = 4;
  private static final long M0 = 0xD2511F53L;
  private static final long M1 = 0xCD9E8D57L;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;
  private static final long MASK = 0xFFFFFFFFL;

  private Philox() {}

  /**
   * The four words at a counter.
   *
   * @param key two words
   * @param counter four words
   */
  public static int[] words(int[] key, int[] counter) {
    int k0 = key[0];
    int k1 = key[1];
    int[] c = counter.clone();
    for (int round = 0; round < ROUNDS; round++) {
      long p0 = M0 * (c[0] & MASK);
      long p1 = M1 * (c[2] & MASK);
      c =
          new int[] {
            (int) (p1 >>> 32) ^ c[1] ^ k0, (int) p1, (int) (p0 >>> 32) ^ c[3] ^ k1, (int) p0
          };
      k0 += W0;
      k1 += W1;
    }
    return c;
  }

  /**
   * The four words of an element group in a step, as training operations draw them.
   *
   * @param seed below 2^48
   * @param step below 2^48
   * @param group below 2^48
   * @param stream tells those who draw apart
   */
  static int[] words(long seed, long step, long group, int stream) {
    int[] key = {(int) seed, (int) (seed >>> 32)};
    // Step and group have 48 bits at most, and share the third word.
    int high = (int) (group >>> 32) | (int) (step >>> 32) << 16;
    return words(key, new int[] {(int) group, (int) step, high, stream});
  }

  /**
   * Whether {@link TrainingOp.ApplyDropout} keeps an element, or {@link TrainingOp.DropImages} an
   * image: whether its word, one of the four at counter (⌊index/4⌋, step, stream), is at least
   * p·2³².
   *
   * @param probability p
   * @param stream of the operation
   * @param seed below 2^48
   * @param step below 2^48
   * @param index of the element in N,H,W,C order, padding not counted; or of the image
   */
  public static boolean keeps(float probability, int stream, long seed, long step, long index) {
    int word = words(seed, step, index / WORDS, stream)[(int) (index % WORDS)];
    return (word & MASK) >= (long) (probability * 0x1p32);
  }
}
