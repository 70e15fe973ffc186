package dev.catena;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Lends the lanes of a session to threads in the order in which they ask. Thread-safe; a lease
 * without waiting allocates nothing.
 */
final class LanePool {
  private final Semaphore available;
  private final Lane[] idle;
  private int idleLanes;
  private volatile boolean closed;

  LanePool(List<Lane> lanes) {
    this.idle = lanes.toArray(Lane[]::new);
    this.idleLanes = idle.length;
    this.available = new Semaphore(idle.length, true);
  }

  /**
   * A lane, once all who asked before have had one.
   *
   * @throws IllegalStateException after {@link #close}
   */
  Lane lease() {
    available.acquireUninterruptibly();
    return take();
  }

  /**
   * A lane, or null where none became free in time.
   *
   * @throws IllegalStateException after {@link #close}
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  @Nullable Lane tryLease(Duration timeout) throws InterruptedException {
    // With a time, even one of zero, a fair semaphore lets nobody overtake those who wait.
    return available.tryAcquire(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS)
        ? take()
        : null;
  }

  private Lane take() {
    synchronized (idle) {
      if (!closed) {
        return idle[--idleLanes];
      }
    }
    available.release();
    throw new IllegalStateException("the session is closed");
  }

  /** Takes a leased lane back. */
  void giveBack(Lane lane) {
    synchronized (idle) {
      idle[idleLanes++] = lane;
    }
    available.release();
  }

  /**
   * Does something while no lane is lent. Leases that were asked for before are served first, later
   * ones wait.
   *
   * @throws IllegalStateException after {@link #close}
   */
  void exclusively(Runnable action) {
    available.acquireUninterruptibly(idle.length);
    try {
      if (closed) {
        throw new IllegalStateException("the session is closed");
      }
      action.run();
    } finally {
      available.release(idle.length);
    }
  }

  /** Refuses further leases, waits for those under way, then closes the lanes. Idempotent. */
  void close() {
    closed = true;
    available.acquireUninterruptibly(idle.length);
    try {
      while (idleLanes > 0) {
        idle[--idleLanes].close();
      }
    } finally {
      available.release(idle.length);
    }
  }
}
