package dev.catena;

import dev.catena.graph.Philox;
import java.util.Arrays;

/**
 * The images of each batch. Equal samplers give equal batches on every machine, whichever came
 * before: a run can go on where another stopped. Immutable and thread-safe.
 *
 * @param images of the set
 * @param batch images of a batch
 * @param shuffled if each epoch has an order of its own
 * @param seed of that order
 * @param rest whether an epoch ends with a smaller batch, or leaves the images of that out
 */
record Sampler(int images, int batch, boolean shuffled, long seed, boolean rest) {
  /** Tells these random words from those of a network's dropouts, whose streams count from 0. */
  private static final int STREAM = -2;

  private static final int WORDS = 4;

  /** Checks that there is a batch. */
  public Sampler {
    if (batch < 1 || images < (rest ? 1 : batch)) {
      throw new IllegalArgumentException(
          "%d images make no batch of %d; take a smaller batch".formatted(images, batch));
    }
  }

  /** To train: full batches alone; with a seed that shuffles, or as stored. */
  public static Sampler training(int images, int batch, boolean shuffled, long seed) {
    return new Sampler(images, batch, shuffled, seed, false);
  }

  /** To evaluate: every image once. */
  public static Sampler once(int images, int batch) {
    return new Sampler(images, batch, false, 0, true);
  }

  /** Batches of an epoch. */
  public int steps() {
    return rest ? Math.ceilDiv(images, batch) : images / batch;
  }

  /**
   * All images in the order of an epoch.
   *
   * @param epoch from 0
   */
  public int[] epoch(long epoch) {
    int[] order = new int[images];
    Arrays.setAll(order, i -> i);
    if (shuffled) {
      // Fisher and Yates; a word times n, its upper half, is a number below n.
      int[] key = {(int) seed, (int) (seed >>> 32)};
      int[] words = {};
      for (int left = images; left > 1; left--) {
        int at = images - left;
        if (at % WORDS == 0) {
          words = Philox.words(key, new int[] {at / WORDS, (int) epoch, 0, STREAM});
        }
        int chosen = (int) ((words[at % WORDS] & 0xffff_ffffL) * left >>> 32);
        int last = order[left - 1];
        order[left - 1] = order[chosen];
        order[chosen] = last;
      }
    }
    return order;
  }
}
