package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.InterpreterControls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * While it is open, launches on a device that interprets PTX are counted: of each a few blocks are
 * run, and nothing that they compute is complete. One at a time in a process; for one thread.
 */
public final class LaunchCounting implements AutoCloseable {
  // Of a CuptxLaunch, native/ptx/counting.h.
  private static final int KERNEL = 0;
  private static final int GRID = 96;
  private static final int BLOCK = 108;
  private static final int SHARED = 120;
  private static final int BLOCKS_RUN = 124;
  private static final int COUNTS = 128;
  private static final int BYTES = 352;

  private final InterpreterControls controls = InterpreterControls.get();

  /**
   * A launch that was counted.
   *
   * @param sharedBytes dynamic shared memory
   * @param blocksRun of the grid
   * @param counts scaled to the grid, in the order of {@code Counts} in {@code
   *     native/ptx/counters.h}
   */
  public record Counted(
      String kernel, Dim grid, Dim block, int sharedBytes, int blocksRun, double[] counts) {}

  private LaunchCounting() {}

  /**
   * Counts from now on.
   *
   * @param blocks of a launch to run, about; 0 for all
   * @param seed of the choice of blocks
   * @param l2Bytes of the cache that all multiprocessors share
   * @param l1Bytes of a multiprocessor, with its shared memory
   * @throws IllegalArgumentException if the device does not interpret PTX
   */
  public static LaunchCounting start(
      Device device, long blocks, long seed, long l2Bytes, long l1Bytes) {
    if (!device.isInterpreted()) {
      throw new IllegalArgumentException(device.id() + " does not interpret PTX");
    }
    LaunchCounting counting = new LaunchCounting();
    try {
      int code =
          (int) counting.controls.cuptxCountLaunches().invokeExact(blocks, seed, l2Bytes, l1Bytes);
      if (code == 0) {
        throw new IllegalStateException("launches are counted already");
      }
      return counting;
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  /** The counts so far, without launches under way. */
  public List<Counted> launches() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment launch = arena.allocate(BYTES, JAVA_LONG.byteAlignment());
      List<Counted> launches = new ArrayList<>();
      while ((long) controls.cuptxCountedLaunch().invokeExact((long) launches.size(), launch)
          > launches.size()) {
        launches.add(
            new Counted(
                launch.getString(KERNEL),
                dim(launch, GRID),
                dim(launch, BLOCK),
                launch.get(JAVA_INT, SHARED),
                launch.get(JAVA_INT, BLOCKS_RUN),
                launch.asSlice(COUNTS).toArray(ValueLayout.JAVA_DOUBLE)));
      }
      return launches;
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }

  private static Dim dim(MemorySegment launch, int at) {
    return Dim.of(
        launch.get(JAVA_INT, at), launch.get(JAVA_INT, at + 4), launch.get(JAVA_INT, at + 8));
  }

  /** Launches compute again. */
  @Override
  public void close() {
    try {
      controls.cuptxStopCounting().invokeExact();
    } catch (Throwable e) {
      throw Context.unchecked(e);
    }
  }
}
