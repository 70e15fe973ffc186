package dev.catena.bench;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.CudaDriver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Memory of the device taken and given back, and copied to and from memory of the host: by our
 * handles, and by JCuda's JNI in the same context.
 */
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class MemoryCall extends Measured {
  private static final CudaDriver CU = CudaDriver.nvidia();

  /** Of the memory; 4 KiB show the call, megabytes the copy. */
  @Param("4096")
  public int bytes;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment out = arena.allocate(JAVA_LONG);
  private final CUdeviceptr pointer = new CUdeviceptr();
  private SharedDevice shared;
  private MemorySegment host;
  private Pointer hostPointer;
  private CUdeviceptr there;
  private long address;

  /** Memory on both sides. */
  @Setup
  public void open() {
    shared = new SharedDevice();
    host = arena.allocate(bytes, 4096);
    hostPointer = Pointer.to(host.asByteBuffer());
    there = shared.floats((bytes + 3) / 4);
    address = shared.address(there, bytes);
  }

  /** Gives everything back. */
  @TearDown
  public void close() {
    shared.close();
    arena.close();
  }

  /** Ours. */
  @Benchmark
  public int allocateByPanama() throws Throwable {
    int status = (int) CU.cuMemAlloc_v2().invokeExact(out, (long) bytes);
    return status | (int) CU.cuMemFree_v2().invokeExact(out.get(JAVA_LONG, 0));
  }

  /** JCuda's. */
  @Benchmark
  public int allocateByJni() {
    int status = JCudaDriver.cuMemAlloc(pointer, bytes);
    return status | JCudaDriver.cuMemFree(pointer);
  }

  /** Ours. */
  @Benchmark
  public int copyInByPanama() throws Throwable {
    return (int) CU.cuMemcpyHtoD_v2().invokeExact(address, host, (long) bytes);
  }

  /** JCuda's. */
  @Benchmark
  public int copyInByJni() {
    return JCudaDriver.cuMemcpyHtoD(there, hostPointer, bytes);
  }

  /** Ours. */
  @Benchmark
  public int copyOutByPanama() throws Throwable {
    return (int) CU.cuMemcpyDtoH_v2().invokeExact(host, address, (long) bytes);
  }

  /** JCuda's. */
  @Benchmark
  public int copyOutByJni() {
    return JCudaDriver.cuMemcpyDtoH(hostPointer, there, bytes);
  }
}
