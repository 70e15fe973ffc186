package dev.catena;

import dev.catena.collective.Collective;
import dev.catena.device.Device;
import dev.catena.device.DeviceMemory;
import dev.catena.device.Stream;
import dev.catena.error.RankFailedException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One rank of a training run: its share of each batch, a stream for sums, and the few numbers that
 * all ranks agree on. A run of one rank takes no memory for it.
 */
final class Ranks implements AutoCloseable {
  private static final int HASH = 0xffffff; // exact in fp32

  private final Collective given;
  private final Collective collective;
  private final Device device;
  private final int batch;
  private final @Nullable Stream stream;
  private @Nullable DeviceMemory memory;

  Ranks(Collective collective, Device device, int batch) {
    requireImages(batch, collective.size());
    given = collective;
    this.collective = collective.on(device);
    this.device = device;
    this.batch = batch;
    try {
      stream = alone() ? null : device.newStream();
    } catch (RuntimeException | Error e) {
      closeCollective();
      throw e;
    }
  }

  private static void requireImages(int batch, int ranks) {
    if (batch < ranks) {
      throw new IllegalArgumentException(
          "a batch of %d has no image for some of %d ranks; take a larger batch"
              .formatted(batch, ranks));
    }
  }

  int rank() {
    return collective.rank();
  }

  int size() {
    return collective.size();
  }

  boolean alone() {
    return size() == 1;
  }

  /** Images of a batch that ranks before {@code rank} have. */
  int first(int rank) {
    return (int) ((long) batch * rank / size());
  }

  /** Images of a batch that a rank has. */
  int images(int rank) {
    return first(rank + 1) - first(rank);
  }

  /** Images of a batch that this rank has. */
  int images() {
    return images(rank());
  }

  /** The share of a batch that a rank has. */
  double weight(int rank) {
    return (double) images(rank) / batch;
  }

  /** The share of a batch that this rank has. */
  float weight() {
    return (float) weight(rank());
  }

  /** The stream in which gradients are added up beside the step. */
  Stream stream() {
    return Objects.requireNonNull(stream);
  }

  /** Adds up floats of the device over all ranks, after what {@link #stream} waits for. */
  void sum(long address, long count) {
    collective.sum(stream(), address, count);
  }

  /** Gives all ranks the floats of rank 0. */
  void broadcast(long address, long count) {
    if (!alone()) {
      collective.broadcast(stream(), address, count);
      stream().synchronize();
    }
  }

  /** Lets rank 0 do {@code work} before the others, so that they find what it leaves in files. */
  <T> T firstRankFirst(Supplier<T> work) {
    if (rank() == 0) {
      T made = work.get();
      collective.barrier();
      return made;
    }
    collective.barrier();
    return work.get();
  }

  /** The mean of {@code value} over the images of all ranks, those of this rank having it. */
  double mean(double value) {
    if (alone()) {
      return value;
    }
    double sum = 0;
    float[][] all = gather((float) value);
    for (int rank = 0; rank < all.length; rank++) {
      sum += weight(rank) * all[rank][0];
    }
    return sum;
  }

  /** True if {@code flag} is set on any rank. */
  boolean any(boolean flag) {
    return alone() ? flag : Arrays.stream(gather(flag ? 1 : 0)).anyMatch(v -> v[0] != 0);
  }

  /**
   * Checks that all ranks have the same.
   *
   * @param facts what this rank has, by what it is called; equally many on all ranks
   * @throws RankFailedException on every rank, naming the one that differs
   */
  void requireSame(Map<String, ?> facts) {
    if (alone()) {
      return;
    }
    List<String> names = facts.keySet().stream().sorted().toList();
    float[] hashes = new float[names.size()];
    for (int i = 0; i < hashes.length; i++) {
      hashes[i] = String.valueOf(facts.get(names.get(i))).hashCode() & HASH;
    }
    float[][] all = gather(hashes);
    for (int rank = 1; rank < all.length; rank++) {
      for (int i = 0; i < hashes.length; i++) {
        if (all[rank][i] != all[0][i]) {
          throw new RankFailedException(
              "rank %d differs from rank 0 in its %s; start every rank with the same command and data"
                  .formatted(rank, names.get(i).replace('_', ' ')));
        }
      }
    }
  }

  /**
   * The values of all ranks, by rank: a sum in which each has a place of its own, so nothing is
   * rounded.
   *
   * @param own equally many on all ranks
   */
  float[][] gather(float... own) {
    long bytes = (long) size() * own.length * Float.BYTES;
    if (memory == null || memory.bytes() < bytes) {
      close(memory);
      memory = device.allocate(bytes);
    }
    float[] all = new float[size() * own.length];
    System.arraycopy(own, 0, all, rank() * own.length, own.length);
    memory.upload(MemorySegment.ofArray(all));
    collective.sum(stream(), memory.address(), all.length);
    stream().synchronize();
    memory.download(MemorySegment.ofArray(all));
    float[][] byRank = new float[size()][own.length];
    for (int rank = 0; rank < size(); rank++) {
      System.arraycopy(all, rank * own.length, byRank[rank], 0, own.length);
    }
    return byRank;
  }

  /**
   * Merges statistics of a batch, or the sums of a normalisation's gradient, over all ranks in
   * place. A rank is left with its share of the sums: its gradient divides them by its own pixels,
   * and the gradients by γ and β are added up over the ranks later.
   *
   * @param first address of the first row, of {@code channels} floats
   * @param second address of the second row
   * @param statistics whether the rows are means and variances
   * @param after the stream that makes them
   */
  void merge(long first, long second, int channels, boolean statistics, Stream after) {
    float[] own = new float[2 * channels];
    MemorySegment rows = MemorySegment.ofArray(own);
    long bytes = (long) channels * Float.BYTES;
    after.copyToHost(rows.asSlice(0, bytes), first);
    after.copyToHost(rows.asSlice(bytes), second);
    float[][] all = gather(own);
    for (int c = 0; c < channels; c++) {
      double mean = 0;
      double other = 0;
      for (int rank = 0; rank < all.length; rank++) {
        mean += (statistics ? weight(rank) : weight(rank())) * all[rank][c];
      }
      for (int rank = 0; rank < all.length; rank++) {
        double value = all[rank][channels + c];
        double distance = all[rank][c] - mean;
        other += statistics ? weight(rank) * (value + distance * distance) : weight(rank()) * value;
      }
      rows.setAtIndex(ValueLayout.JAVA_FLOAT, c, (float) mean);
      rows.setAtIndex(ValueLayout.JAVA_FLOAT, channels + c, (float) other);
    }
    after.copyToDevice(first, rows.asSlice(0, bytes));
    after.copyToDevice(second, rows.asSlice(bytes));
  }

  private static void close(@Nullable DeviceMemory memory) {
    if (memory != null) {
      memory.close();
    }
  }

  @Override
  public void close() {
    if (stream != null) {
      stream.close();
    }
    close(memory);
    closeCollective();
  }

  private void closeCollective() {
    if (collective != given) {
      collective.close();
    }
  }
}
