package dev.catena.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.catena.driver.CudaDriver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import jcuda.driver.CUcontext;
import jcuda.driver.JCudaDriver;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Setup;

/** A call that does next to nothing in the driver: through our handles, and through JCuda's JNI. */
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class DriverCall extends Measured {
  private static final CudaDriver CU = CudaDriver.nvidia();
  private static final MemorySegment OUT = Arena.global().allocate(ADDRESS);

  private final CUcontext context = new CUcontext();
  private final int[] count = new int[1];

  /** Initialises the driver that both call. */
  @Setup
  public void open() {
    JCudaDriver.setExceptionsEnabled(true);
    JCudaDriver.cuInit(0);
  }

  /** Ours. */
  @Benchmark
  public int currentContextByPanama() throws Throwable {
    return (int) CU.cuCtxGetCurrent().invokeExact(OUT);
  }

  /** JCuda's. */
  @Benchmark
  public int currentContextByJni() {
    return JCudaDriver.cuCtxGetCurrent(context);
  }

  /** Ours. */
  @Benchmark
  public int deviceCountByPanama() throws Throwable {
    return (int) CU.cuDeviceGetCount().invokeExact(OUT);
  }

  /** JCuda's. */
  @Benchmark
  public int deviceCountByJni() {
    return JCudaDriver.cuDeviceGetCount(count);
  }
}
