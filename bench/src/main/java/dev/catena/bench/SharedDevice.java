package dev.catena.bench;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import dev.catena.interop.JCuda;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** The first device, opened by JCuda on the calling thread; Catena works in the same context. */
final class SharedDevice implements AutoCloseable {
  private final CUcontext context = new CUcontext();
  private final CUstream queue = new CUstream();
  private final Device device;
  private final Stream stream;

  SharedDevice() {
    JCudaDriver.setExceptionsEnabled(true);
    JCudaDriver.cuInit(0);
    CUdevice first = new CUdevice();
    JCudaDriver.cuDeviceGet(first, 0);
    JCudaDriver.cuCtxCreate(context, 0, first);
    JCudaDriver.cuStreamCreate(queue, 0);
    device = JCuda.device(context);
    stream = JCuda.stream(device, queue);
  }

  /** Ours. */
  Device device() {
    return device;
  }

  /** Ours, which is {@link #queue}. */
  Stream stream() {
    return stream;
  }

  /** JCuda's. */
  CUstream queue() {
    return queue;
  }

  /** Memory that lives as long as the context. */
  CUdeviceptr floats(long count) {
    CUdeviceptr pointer = new CUdeviceptr();
    JCudaDriver.cuMemAlloc(pointer, count * Float.BYTES);
    JCudaDriver.cuMemsetD8(pointer, (byte) 0, count * Float.BYTES);
    return pointer;
  }

  /** Where {@code pointer} points. */
  long address(CUdeviceptr pointer, long bytes) {
    return JCuda.memory(device, pointer, bytes).address();
  }

  /** Milliseconds of {@code work} on the stream, by events. */
  double millis(Runnable work) {
    return DeviceTime.of(device, stream, work);
  }

  /** In the order of ownership. */
  @Override
  public void close() {
    device.close();
    JCudaDriver.cuStreamDestroy(queue);
    JCudaDriver.cuCtxDestroy(context);
  }
}
