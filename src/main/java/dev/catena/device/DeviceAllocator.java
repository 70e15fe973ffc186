package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.CudaDriver;
import dev.catena.error.OutOfDeviceMemoryException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Takes memory of a device, from the driver's default pool, and page-locked memory of the host.
 * Thread-safe.
 */
final class DeviceAllocator {
  // CUmemPool_attribute
  private static final int USED_BYTES = 7;
  private static final int MOST_USED_BYTES = 8;

  // CUpointer_attribute, CUmemorytype
  private static final int POINTER_MEMORY_TYPE = 2;
  private static final int MEMORY_OF_HOST = 1;

  private final Context context;
  private final CudaDriver cu;
  private final Transfers transfers;
  private final long pool;
  private final AtomicLong held = new AtomicLong();
  private volatile long limit = Long.MAX_VALUE;

  DeviceAllocator(Context context, Transfers transfers, int ordinal) {
    this.context = context;
    this.cu = context.cu();
    this.transfers = transfers;
    this.pool =
        context.longFrom(
            "cuDeviceGetDefaultMemPool",
            out -> (int) cu.cuDeviceGetDefaultMemPool().invokeExact(out, ordinal));
  }

  /** Hands out no more than {@code bytes} at a time. */
  void limit(long bytes) {
    limit = bytes;
  }

  DeviceMemory allocate(long bytes) {
    requirePositive(bytes);
    long before = held.getAndUpdate(now -> bytes <= limit - now ? now + bytes : now);
    if (bytes > limit - before) {
      throw new OutOfDeviceMemoryException(
          context.name(), bytes, limit - before, limit, "the device was opened with this limit");
    }
    try {
      return take(bytes);
    } catch (RuntimeException | Error e) {
      held.addAndGet(-bytes);
      throw e;
    }
  }

  private DeviceMemory take(long bytes) {
    AllocationEvent event = new AllocationEvent();
    event.begin();
    try (var _ = context.device().use();
        Arena arena = Arena.ofConfined()) {
      long stream = transfers.stream();
      MemorySegment out = arena.allocate(JAVA_LONG);
      context.checkAllocation(
          context.status(() -> (int) cu.cuMemAllocAsync().invokeExact(out, bytes, stream)),
          "cuMemAllocAsync",
          bytes);
      long address = out.get(JAVA_LONG, 0);
      context.checkAllocation(
          context.status(() -> (int) cu.cuStreamSynchronize().invokeExact(stream)),
          "cuStreamSynchronize",
          bytes);
      event.succeeded = true;
      return new DeviceMemory(
          transfers,
          context.open(
              Resource.Kind.MEMORY,
              "memory",
              address,
              bytes,
              "cuMemFree_v2",
              () -> {
                held.addAndGet(-bytes);
                int code = (int) cu.cuMemFree_v2().invokeExact(address);
                return code != 0 ? code : (int) cu.cuStreamSynchronize().invokeExact(stream);
              }));
    } finally {
      event.commit(context.name(), bytes);
    }
  }

  HostMemory allocateHost(long bytes) {
    requirePositive(bytes);
    try (var _ = context.device().use()) {
      long address =
          context.longFrom(
              "cuMemAllocHost_v2", out -> (int) cu.cuMemAllocHost_v2().invokeExact(out, bytes));
      return new HostMemory(
          context.open(
              Resource.Kind.HOST_MEMORY,
              "host memory",
              address,
              bytes,
              "cuMemFreeHost",
              () -> (int) cu.cuMemFreeHost().invokeExact(address)),
          address);
    }
  }

  private static void requirePositive(long bytes) {
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes must be positive: " + bytes);
    }
  }

  DeviceMemory adopt(long address, long bytes) {
    if (address == 0 || bytes < 1) {
      throw new IllegalArgumentException(
          "%d bytes at address 0x%x are no memory".formatted(bytes, address));
    }
    try (var _ = context.device().use()) {
      return new DeviceMemory(transfers, context.borrow("memory", address, bytes));
    }
  }

  boolean isPageLocked(MemorySegment memory) {
    long address = memory.address();
    try (var _ = context.device().use();
        Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      int code =
          context.status(
              () ->
                  (int) cu.cuPointerGetAttribute().invokeExact(out, POINTER_MEMORY_TYPE, address));
      return code == 0 && memory.isNative() && out.get(JAVA_INT, 0) == MEMORY_OF_HOST;
    }
  }

  long freeBytes() {
    try (var _ = context.device().use()) {
      return Math.min(context.memoryInfo()[0], limit - held.get());
    }
  }

  long usedBytes() {
    return statistic(USED_BYTES);
  }

  long peakBytes() {
    return statistic(MOST_USED_BYTES);
  }

  void resetPeak() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment zero = arena.allocate(JAVA_LONG);
      context.call(
          "cuMemPoolSetAttribute",
          () -> (int) cu.cuMemPoolSetAttribute().invokeExact(pool, MOST_USED_BYTES, zero));
    }
  }

  private long statistic(int attribute) {
    try (var _ = context.device().use()) {
      return context.longFrom(
          "cuMemPoolGetAttribute",
          out -> (int) cu.cuMemPoolGetAttribute().invokeExact(pool, attribute, out));
    }
  }
}
