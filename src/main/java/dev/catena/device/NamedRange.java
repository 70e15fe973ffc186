package dev.catena.device;

import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import dev.catena.driver.NativeLibrary.Found;
import dev.catena.driver.Nvtx;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A name over a part of a thread's work, for the time line of a profiler such as Nsight Systems
 * (NVTX). Without its library, and without a profiler, nothing happens.
 *
 * <p>Thread-safe; ranges nest on each thread.
 */
public final class NamedRange {
  private static final Optional<Nvtx> NVTX =
      NativeLibraries.find(NativeLibrary.NVTX) instanceof Found found
          ? Optional.of(Nvtx.bind(found))
          : Optional.empty();

  private final MemorySegment name;

  /** A range of this name, to be entered any number of times. */
  public NamedRange(String name) {
    this.name = NVTX.isPresent() ? Arena.ofAuto().allocateFrom(name) : MemorySegment.NULL;
  }

  /** Does {@code work} within the range. */
  public void around(Runnable work) {
    if (NVTX.isEmpty()) {
      work.run();
      return;
    }
    try {
      int _ = (int) NVTX.get().nvtxRangePushA().invokeExact(name);
      try {
        work.run();
      } finally {
        int _ = (int) NVTX.get().nvtxRangePop().invokeExact();
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
