package dev.catena.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.catena.driver.CudaDriver;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import jcuda.driver.CUcontext;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a driver call costs from Java: through our handles, and through JCuda's JNI. */
@Tag("slow")
class DriverCallCostTest {
  @TempDir Path folder;

  /** Prints for each call the medians in nanoseconds and the best ratio of all rounds. */
  static final class Measure {
    private static final int ROUNDS = 21;
    private static final int CALLS = 100_000;
    private static final CudaDriver CU = CudaDriver.nvidia();
    private static final MemorySegment OUT = Arena.global().allocate(ADDRESS);

    private Measure() {}

    private interface Loop {
      int run(int calls) throws Throwable;
    }

    public static void main(String[] args) throws Throwable {
      System.out.println(NativeLibraries.find(NativeLibrary.CUDA).explain());
      JCudaDriver.setExceptionsEnabled(true);
      JCudaDriver.cuInit(0);
      int[] count = new int[1];
      CUcontext context = new CUcontext();
      compare(
          "cuDeviceGetCount",
          calls -> {
            int status = 0;
            for (int i = 0; i < calls; i++) {
              status |= (int) CU.cuDeviceGetCount().invokeExact(OUT);
            }
            return status;
          },
          calls -> {
            int status = 0;
            for (int i = 0; i < calls; i++) {
              status |= JCudaDriver.cuDeviceGetCount(count);
            }
            return status;
          });
      compare(
          "cuCtxGetCurrent",
          calls -> {
            int status = 0;
            for (int i = 0; i < calls; i++) {
              status |= (int) CU.cuCtxGetCurrent().invokeExact(OUT);
            }
            return status;
          },
          calls -> {
            int status = 0;
            for (int i = 0; i < calls; i++) {
              status |= JCudaDriver.cuCtxGetCurrent(context);
            }
            return status;
          });
    }

    private static void compare(String call, Loop panama, Loop jni) throws Throwable {
      double[] ours = new double[ROUNDS];
      double[] theirs = new double[ROUNDS];
      double best = Double.POSITIVE_INFINITY;
      for (int warm = 0; warm < 5; warm++) {
        nanoseconds(panama);
        nanoseconds(jni);
      }
      for (int round = 0; round < ROUNDS; round++) {
        ours[round] = nanoseconds(panama);
        theirs[round] = nanoseconds(jni);
        best = Math.min(best, ours[round] / theirs[round]);
      }
      System.out.printf(
          Locale.ROOT,
          "%s panama %.1f ns jcuda %.1f ns best ratio %.3f%n",
          call,
          median(ours),
          median(theirs),
          best);
    }

    private static double nanoseconds(Loop loop) throws Throwable {
      long start = System.nanoTime();
      int status = loop.run(CALLS);
      double each = (System.nanoTime() - start) / (double) CALLS;
      if (status != 0) {
        throw new AssertionError("the call failed: " + status);
      }
      return each;
    }

    private static double median(double[] values) {
      Arrays.sort(values);
      return values[values.length / 2];
    }
  }

  @Test
  void aCallCostsAtMostAThirdOfJCudas() throws Exception {
    ChildJvm.Result result = ChildJvm.ofJCuda(folder).run(Measure.class);
    assertEquals(0, result.status(), result.said());
    System.out.print(result.said());
    String[] lines =
        result.said().lines().filter(l -> l.contains("best ratio")).toArray(String[]::new);
    assertEquals(2, lines.length, result.said());
    for (String line : lines) {
      double ratio = Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
      // cuCtxGetCurrent does next to nothing: there the JNI's own cost is all that can be saved.
      assertTrue(ratio <= (line.startsWith("cuDeviceGetCount") ? 1 / 3.0 : 1), line);
    }
  }
}
