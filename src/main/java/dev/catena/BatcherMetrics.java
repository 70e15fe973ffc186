package dev.catena;

import java.util.List;

/**
 * What a {@link Batcher} has done since it was made.
 *
 * @param computed images whose results were computed
 * @param rejected images that found the queue full
 * @param cancelled images that were cancelled before they had begun
 * @param failed images of batches that failed
 * @param queued images that wait now
 * @param batches how many batches had as many images as the index says
 * @param latencies counts of images by latency, from arrival to result; entry i counts those of at
 *     most {@code bucketMicros(i)} microseconds and more than {@code bucketMicros(i - 1)}
 */
public record BatcherMetrics(
    long computed,
    long rejected,
    long cancelled,
    long failed,
    int queued,
    List<Long> batches,
    List<Long> latencies) {
  /** Up to 2^32 microseconds, four for each power of two. */
  static final int BUCKETS = 4 * 32 + 1;

  /** Copies the lists. */
  public BatcherMetrics {
    batches = List.copyOf(batches);
    latencies = List.copyOf(latencies);
  }

  /** The largest latency that is counted at {@code index}, in microseconds. */
  public static double bucketMicros(int index) {
    return Math.pow(2, index / 4.0);
  }

  /** Where a latency is counted. */
  static int bucket(long micros) {
    int index = (int) Math.ceil(4 * Math.log((double) Math.max(1, micros)) / Math.log(2));
    return Math.min(index, BUCKETS - 1);
  }

  /**
   * A quantile of the latencies, at most a fifth too large.
   *
   * @param share from 0 to 1, such as 0.99
   * @return milliseconds; 0 if nothing was computed
   */
  public double latencyMillis(double share) {
    long all = latencies.stream().mapToLong(Long::longValue).sum();
    long below = 0;
    for (int i = 0; i < latencies.size(); i++) {
      below += latencies.get(i);
      if (below > 0 && below >= share * (double) all) {
        return bucketMicros(i) / 1000;
      }
    }
    return 0;
  }

  /** Images of a batch, in the mean; 0 if there was none. */
  public double meanBatch() {
    long count = batches.stream().mapToLong(Long::longValue).sum();
    return count == 0 ? 0 : (double) computed / (double) count;
  }
}
