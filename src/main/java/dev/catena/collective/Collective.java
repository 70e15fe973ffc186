package dev.catena.collective;

import dev.catena.device.Device;
import dev.catena.device.Stream;

/**
 * The ranks of a run, seen from one of them. Every rank makes the same calls in the same order,
 * from one thread at a time.
 *
 * <p>Where a rank has failed, the calls of the others throw {@link
 * dev.catena.error.RankFailedException}, or the launcher ends their processes.
 */
public interface Collective extends AutoCloseable {
  /** This rank, from 0. */
  int rank();

  /** How many ranks there are. */
  int size();

  /**
   * Adds up {@code count} floats at device address {@code address} over all ranks, in place: every
   * rank has the same bits afterwards. It comes after the work in {@code stream} and before what is
   * enqueued later; the call may wait for that work.
   */
  void sum(Stream stream, long address, long count);

  /** Gives all ranks the floats of rank 0, ordered like {@link #sum}. */
  void broadcast(Stream stream, long address, long count);

  /**
   * These ranks, each with its sums where they are fastest: between GPUs by NCCL if every rank has
   * it, over the host's memory otherwise. All ranks call it.
   *
   * @return to be closed before this one, which it may be
   */
  default Collective on(Device device) {
    return this;
  }

  /** Waits until every rank has called it. */
  void barrier();

  /** Ends the run on all ranks, because this one failed. */
  void abort(Throwable failure);

  /** Leaves; the second time does nothing. Other ranks fail if they still wait for this one. */
  @Override
  void close();

  /** A run of one rank. */
  static Collective alone() {
    return new LocalCollective.Group(1).rank(0);
  }
}
