package dev.catena.engine.cudnn;

import dev.catena.device.Device;
import dev.catena.device.Stream;
import java.util.HashMap;
import java.util.Map;

/**
 * cuDNN's handles on one device, one a stream, for as long as somebody holds them. A handle cannot
 * be created while its thread captures a stream; so whoever begins to hold finds one ready for the
 * next stream that the same thread uses. Thread-safe; a handle is used by the one thread that uses
 * its stream.
 */
final class CudnnHandles {

  private final CudnnLibrary cudnn;
  private final Device device;
  private final Map<Long, Long> byStream = new HashMap<>();
  private final Map<Thread, Long> ready = new HashMap<>();
  private int holders;

  CudnnHandles(CudnnLibrary cudnn, Device device) {
    this.cudnn = cudnn;
    this.device = device;
  }

  /** Begins to hold the handles; returns the one that is ready for this thread's next stream. */
  synchronized long hold() {
    device.makeCurrent();
    long handle = ready.computeIfAbsent(Thread.currentThread(), _ -> cudnn.createHandle());
    holders++;
    return handle;
  }

  /** The handle that enqueues on {@code stream}. */
  synchronized long of(Stream stream) {
    device.makeCurrent();
    long key = stream.handle();
    long handle = byStream.computeIfAbsent(key, _ -> next());
    cudnn.setStream(handle, key); // each time: the driver may give a closed stream's handle again
    return handle;
  }

  private long next() {
    Long waiting = ready.remove(Thread.currentThread());
    return waiting == null ? cudnn.createHandle() : waiting;
  }

  /** Ends holding; the last holder frees all handles. */
  synchronized void release() {
    holders--;
    if (holders == 0) {
      device.makeCurrent();
      byStream.values().forEach(cudnn::destroyHandle);
      byStream.clear();
      ready.values().forEach(cudnn::destroyHandle);
      ready.clear();
    }
  }
}
