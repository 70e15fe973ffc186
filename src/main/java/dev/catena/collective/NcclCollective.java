package dev.catena.collective;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import dev.catena.driver.ForeignCall;
import dev.catena.driver.NativeLibrary;
import dev.catena.driver.Nccl;
import dev.catena.error.DeviceException;
import dev.catena.error.RankFailedException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Sums between GPUs by NCCL, enqueued in the caller's stream. The ranks are those of another
 * collective, over which the communicator's identity travels, and which closes and aborts with it.
 */
final class NcclCollective implements Collective {
  private final HostCollective ranks;
  private final Device device;
  private final Nccl nccl = Nccl.bind();
  private final long communicator;
  private boolean closed;

  /** A communicator of all ranks, each on its device. */
  NcclCollective(HostCollective ranks, Device device) {
    this.ranks = ranks;
    this.device = device;
    try (Arena arena = Arena.ofShared()) { // the other ranks read it
      MemorySegment id = arena.allocate(Nccl.ID_BYTES, Long.BYTES);
      if (ranks.rank() == 0) {
        call("ncclGetUniqueId", () -> (int) nccl.ncclGetUniqueId().invokeExact(id));
      }
      ranks.broadcast(id);
      MemorySegment out = arena.allocate(JAVA_LONG);
      call(
          "ncclCommInitRank",
          () -> (int) nccl.ncclCommInitRank().invokeExact(out, size(), id, rank()));
      communicator = out.get(JAVA_LONG, 0);
    }
    // A rank of this process that fails sets those free that wait on their GPUs.
    ranks.onFailure(this::abandon);
  }

  /**
   * The same ranks with sums by NCCL, if every rank has the library and a GPU; the given ones
   * otherwise.
   */
  static Collective over(HostCollective ranks, Device device) {
    boolean able =
        Nccl.search() instanceof NativeLibrary.Found && device.kind() == Device.Kind.CUDA;
    try (Arena arena = Arena.ofShared()) { // the other ranks read it
      MemorySegment count = arena.allocateFrom(JAVA_FLOAT, able ? 1 : 0);
      ranks.sum(count);
      return count.get(JAVA_FLOAT, 0) == ranks.size() ? new NcclCollective(ranks, device) : ranks;
    }
  }

  @Override
  public int rank() {
    return ranks.rank();
  }

  @Override
  public int size() {
    return ranks.size();
  }

  @Override
  public synchronized void sum(Stream stream, long address, long count) {
    requireOpen();
    long queue = stream.handle();
    call(
        "ncclAllReduce",
        () ->
            (int)
                nccl.ncclAllReduce()
                    .invokeExact(
                        address, address, count, Nccl.FLOAT32, Nccl.SUM, communicator, queue));
  }

  @Override
  public synchronized void broadcast(Stream stream, long address, long count) {
    requireOpen();
    long queue = stream.handle();
    call(
        "ncclBroadcast",
        () ->
            (int)
                nccl.ncclBroadcast()
                    .invokeExact(address, address, count, Nccl.FLOAT32, 0, communicator, queue));
  }

  @Override
  public void barrier() {
    ranks.barrier();
  }

  @Override
  public void abort(Throwable failure) {
    ranks.abort(failure);
  }

  private void requireOpen() {
    if (closed) {
      throw new RankFailedException("another rank has failed: its sums with this one are given up");
    }
  }

  private synchronized void abandon() {
    if (!closed) {
      closed = true;
      ForeignCall.of(() -> (int) nccl.ncclCommAbort().invokeExact(communicator));
    }
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      call("ncclCommDestroy", () -> (int) nccl.ncclCommDestroy().invokeExact(communicator));
    }
  }

  private void call(String function, ForeignCall<Integer> call) {
    device.makeCurrent();
    int result = ForeignCall.of(call);
    if (result != 0) {
      throw new DeviceException(
          "%s failed with %s (%d) on rank %d"
              .formatted(function, nccl.explain(result), result, rank()));
    }
  }
}
