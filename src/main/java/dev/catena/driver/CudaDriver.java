package dev.catena.driver;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * The slice of the CUDA driver API that Catena uses, of {@code libcuda.so.1} or of {@code
 * libcuhost.so}, our own implementation of the same symbols on the CPU.
 *
 * <p>Every function but the void ones returns a {@code CUresult}. Contexts, streams, events,
 * modules, graphs and device pointers are {@code long}; memory of the host is {@code ptr}.
 */
public record CudaDriver(
    // Start and errors.
    @C("int(int)") MethodHandle cuInit,
    @C("int(ptr)") MethodHandle cuDriverGetVersion,
    @C("int(int, ptr)") MethodHandle cuGetErrorName,
    @C("int(int, ptr)") MethodHandle cuGetErrorString,
    // Devices.
    @C("int(ptr)") MethodHandle cuDeviceGetCount,
    @C("int(ptr, int, int)") MethodHandle cuDeviceGetName,
    @C("int(ptr, int)") MethodHandle cuDeviceGetUuid_v2,
    @C("int(ptr, int, int)") MethodHandle cuDeviceGetAttribute,
    @C("int(ptr, int)") MethodHandle cuDeviceTotalMem_v2,
    // Contexts.
    @C("int(ptr, int)") MethodHandle cuDevicePrimaryCtxRetain,
    @C("int(int)") MethodHandle cuDevicePrimaryCtxRelease_v2,
    @C("int(long)") MethodHandle cuCtxSetCurrent,
    @C("int(ptr)") MethodHandle cuCtxGetCurrent,
    @C("int(ptr)") MethodHandle cuCtxGetDevice,
    // Memory.
    @C("int(ptr, ptr)") MethodHandle cuMemGetInfo_v2,
    @C("int(ptr, long)") MethodHandle cuMemAlloc_v2,
    @C("int(long)") MethodHandle cuMemFree_v2,
    @C("int(ptr, long, long)") MethodHandle cuMemAllocAsync,
    @C("int(ptr, int)") MethodHandle cuDeviceGetDefaultMemPool,
    @C("int(long, int, ptr)") MethodHandle cuMemPoolGetAttribute,
    @C("int(long, int, ptr)") MethodHandle cuMemPoolSetAttribute,
    @C("int(ptr, long)") MethodHandle cuMemAllocHost_v2,
    @C("int(long)") MethodHandle cuMemFreeHost,
    @C("int(ptr, int, long)") MethodHandle cuPointerGetAttribute,
    // Copies and fills.
    @C("int(long, ptr, long)") MethodHandle cuMemcpyHtoD_v2,
    @C("int(ptr, long, long)") MethodHandle cuMemcpyDtoH_v2,
    @C("int(long, ptr, long, long)") MethodHandle cuMemcpyHtoDAsync_v2,
    @C("int(ptr, long, long, long)") MethodHandle cuMemcpyDtoHAsync_v2,
    @C("int(long, long, long, long)") MethodHandle cuMemcpyDtoDAsync_v2,
    @C("int(long, byte, long, long)") MethodHandle cuMemsetD8Async,
    @C("int(long, int, long, long)") MethodHandle cuMemsetD32Async,
    // Streams.
    @C("int(ptr, int)") MethodHandle cuStreamCreate,
    @C("int(long)") MethodHandle cuStreamDestroy_v2,
    @C("int(long)") MethodHandle cuStreamSynchronize,
    @C("int(long)") MethodHandle cuStreamQuery,
    @C("int(long, long, int)") MethodHandle cuStreamWaitEvent,
    // Events.
    @C("int(ptr, int)") MethodHandle cuEventCreate,
    @C("int(long, long)") MethodHandle cuEventRecord,
    @C("int(long)") MethodHandle cuEventQuery,
    @C("int(long)") MethodHandle cuEventSynchronize,
    @C("int(ptr, long, long)") MethodHandle cuEventElapsedTime,
    @C("int(long)") MethodHandle cuEventDestroy_v2,
    // Modules and kernels.
    @C("int(ptr, ptr, int, ptr, ptr)") MethodHandle cuModuleLoadDataEx,
    @C("int(long)") MethodHandle cuModuleUnload,
    @C("int(ptr, long, ptr)") MethodHandle cuModuleGetFunction,
    @C("int(ptr, int, long)") MethodHandle cuFuncGetAttribute,
    @C("int(long, int, int)") MethodHandle cuFuncSetAttribute,
    @C("int(long, long, ptr, ptr)") MethodHandle cuFuncGetParamInfo,
    @C("int(ptr, long, int, long)") MethodHandle cuOccupancyMaxActiveBlocksPerMultiprocessor,
    @C("int(long, int, int, int, int, int, int, int, long, ptr, ptr)") MethodHandle cuLaunchKernel,
    // Capture and graphs.
    @C("int(long, int)") MethodHandle cuStreamBeginCapture_v2,
    @C("int(long, ptr)") MethodHandle cuStreamEndCapture,
    @C("int(long, ptr)") MethodHandle cuStreamIsCapturing,
    @C("int(ptr, long, long)") MethodHandle cuGraphInstantiateWithFlags,
    @C("int(long, long)") MethodHandle cuGraphLaunch,
    @C("int(long, long)") MethodHandle cuGraphUpload,
    @C("int(long)") MethodHandle cuGraphExecDestroy,
    @C("int(long)") MethodHandle cuGraphDestroy,
    @C("int(long, ptr, ptr)") MethodHandle cuGraphGetNodes) {

  /** The driver in {@code library}; missing functions throw when they are used. */
  public static CudaDriver bind(NativeLibrary.Search library) {
    return Handles.bind(CudaDriver.class, MethodHandles.lookup(), library);
  }

  /** NVIDIA's driver, bound once for the process. */
  public static CudaDriver nvidia() {
    return Nvidia.DRIVER;
  }

  /** Our driver on the CPU, bound once for the process. */
  public static CudaDriver host() {
    return Host.DRIVER;
  }

  /** The same over an interpreter of PTX, bound once for the process. */
  public static CudaDriver interpreter() {
    return Interpreter.DRIVER;
  }

  private static final class Nvidia {
    static final CudaDriver DRIVER = bind(NativeLibraries.find(NativeLibrary.CUDA));
  }

  private static final class Host {
    static final CudaDriver DRIVER = bind(NativeLibraries.find(NativeLibrary.CUHOST));
  }

  private static final class Interpreter {
    static final CudaDriver DRIVER = bind(NativeLibraries.find(NativeLibrary.CUPTX));
  }
}
