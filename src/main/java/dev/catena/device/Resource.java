package dev.catena.device;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Cleaner;
import java.util.concurrent.locks.LockSupport;

/**
 * The life of one native object: counts the calls that use it, so that closing waits for them and
 * no later call reaches the driver, and reports it when its owner was forgotten.
 *
 * <p>It must not refer to its owner, or the leak would keep the owner alive.
 */
final class Resource {
  /** In the order in which a device closes what was left open. */
  enum Kind {
    /** Of another owner: closing it only ends our use. */
    BORROWED,
    STREAM,
    GRAPH,
    EVENT,
    HOST_MEMORY,
    MEMORY,
    MODULE,
    TRANSFER_STREAM,
    DEVICE
  }

  private static final Cleaner CLEANER = Cleaner.create();
  private static final VarHandle USERS = users();

  /** The sign bit of {@code users}. */
  private static final int CLOSED = Integer.MIN_VALUE;

  private final Kind kind;
  private final String what;
  private final long handle;
  private final long bytes;
  private final Runnable destroy;
  private final Throwable site = Leaks.TRACE ? new Throwable("opened here") : null;
  private final Use use = this::exit;
  private Cleaner.Cleanable cleanable;
  private volatile int users;
  private volatile boolean destroyed;

  /**
   * A live object.
   *
   * @param what its name in messages
   * @param bytes memory it holds, or 0
   * @param destroy gives it back to the driver; runs once, when no call uses it
   */
  Resource(Kind kind, String what, long handle, long bytes, Runnable destroy) {
    this.kind = kind;
    this.what = what;
    this.handle = handle;
    this.bytes = bytes;
    this.destroy = destroy;
  }

  Kind kind() {
    return kind;
  }

  /** The handle, for callers that know that this is open. */
  long handle() {
    return handle;
  }

  long bytes() {
    return bytes;
  }

  /**
   * Reports a leak when {@code owner} becomes unreachable before this is closed; what is borrowed
   * cannot leak and is merely forgotten.
   */
  void watch(Object owner) {
    cleanable = CLEANER.register(owner, kind == Kind.BORROWED ? this::close : this::report);
  }

  /**
   * Begins a call; each must be followed by {@link #exit}.
   *
   * @return the handle
   * @throws IllegalStateException when closed
   */
  long enter() {
    int seen;
    do {
      seen = users;
      if (seen < 0) {
        throw new IllegalStateException(what + " is closed");
      }
    } while (!USERS.compareAndSet(this, seen, seen + 1));
    return handle;
  }

  /** A call's time: from {@link #use} to its end. */
  @FunctionalInterface
  interface Use extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Begins a call, which ends when the result is closed. Allocates nothing.
   *
   * @throws IllegalStateException when closed
   */
  Use use() {
    enter();
    return use;
  }

  /** Ends a call. */
  void exit() {
    USERS.getAndAdd(this, -1);
  }

  /**
   * Destroys the object once no call uses it. Whoever comes second only waits until that is done: a
   * device must not go while another thread still closes something of it.
   */
  void close() {
    int before = (int) USERS.getAndBitwiseOr(this, CLOSED);
    while (before < 0 ? !destroyed : users != CLOSED) {
      LockSupport.parkNanos(20_000);
    }
    if (before < 0) {
      return;
    }
    try {
      destroy.run();
    } finally {
      destroyed = true;
      if (cleanable != null) {
        cleanable.clean(); // after it, since what is borrowed closes itself there
      }
    }
  }

  private void report() {
    if (users >= 0) {
      Leaks.add(what, site);
    }
  }

  @Override
  public String toString() {
    return what;
  }

  private static VarHandle users() {
    try {
      return MethodHandles.lookup().findVarHandle(Resource.class, "users", int.class);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }
}
