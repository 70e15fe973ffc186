package dev.catena.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A call of a C function through a method handle.
 *
 * @param <T> what it returns
 */
public interface ForeignCall<T> {
  /** A call of a function that writes a handle to {@code out} and returns a status. */
  interface Creation {
    /** Makes the call. */
    int into(MemorySegment out) throws Throwable;
  }

  /** Makes the call. */
  T make() throws Throwable;

  /** The result of {@code call}, which throws nothing that is checked. */
  static <T> T of(ForeignCall<T> call) {
    try {
      return call.make();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("a foreign call threw", e);
    }
  }

  /** Checks the status of calls. */
  interface Check {
    /** Throws if {@code function} returned the status of a failure. */
    void require(String function, int status) throws Throwable;

    /** Makes a call and checks its status. */
    default void call(String function, ForeignCall<Integer> call) {
      of(
          () -> {
            require(function, call.make());
            return null;
          });
    }

    /** Makes a call that creates something, checks its status and gives the handle. */
    default long create(String function, Creation creation) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
        call(function, () -> creation.into(out));
        return out.get(ValueLayout.JAVA_LONG, 0);
      }
    }
  }
}
