package dev.catena;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** The counters behind {@link BatcherMetrics}. Thread-safe. */
final class BatcherCounts {
  private final long[] batches;
  private final long[] latencies = new long[BatcherMetrics.BUCKETS];
  private long computed;
  private long rejected;
  private long cancelled;
  private long failed;

  BatcherCounts(int maxBatch) {
    batches = new long[maxBatch + 1];
  }

  /** A batch whose images were given at these times. */
  synchronized void add(int images, long[] starts) {
    long now = System.nanoTime();
    computed += images;
    batches[images]++;
    for (long start : starts) {
      latencies[BatcherMetrics.bucket(TimeUnit.NANOSECONDS.toMicros(now - start))]++;
    }
  }

  synchronized void reject() {
    rejected++;
  }

  synchronized void cancel() {
    cancelled++;
  }

  synchronized void fail(int images) {
    failed += images;
  }

  synchronized BatcherMetrics metrics(int queued) {
    return new BatcherMetrics(
        computed,
        rejected,
        cancelled,
        failed,
        queued,
        Arrays.stream(batches).boxed().toList(),
        Arrays.stream(latencies).boxed().toList());
  }
}
