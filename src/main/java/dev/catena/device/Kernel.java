package dev.catena.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.error.DeviceException;
import dev.catena.error.KernelMismatchException;
import dev.catena.error.MissingNativeException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A function of a {@link Module} that runs on the device; it lives as long as the device. */
public final class Kernel {
  // CUfunction_attribute
  private static final int MAX_THREADS = 0;
  private static final int SHARED_BYTES = 1;
  private static final int LOCAL_BYTES = 3;
  private static final int REGISTERS = 4;
  private static final int MAX_DYNAMIC_SHARED_BYTES = 8;

  private final Context context;
  private final String name;
  private final long function;
  private final int maxThreads;
  private final int sharedBytes;
  private final int localBytes;
  private final int registers;
  private final ParameterLayout layout;
  private int maxDynamicSharedBytes;

  /**
   * Inside the device's {@link Resource#enter}.
   *
   * @param layout of its parameter struct
   * @throws DeviceException when there is none, or the driver says another size
   */
  Kernel(Context context, String name, long function, ParameterLayout layout) {
    this.context = context;
    this.name = name;
    this.layout = layout;
    this.function = function;
    this.maxThreads = attribute(MAX_THREADS);
    this.sharedBytes = attribute(SHARED_BYTES);
    this.localBytes = attribute(LOCAL_BYTES);
    this.registers = attribute(REGISTERS);
    this.maxDynamicSharedBytes = attribute(MAX_DYNAMIC_SHARED_BYTES);
    requireSize();
  }

  /** The function's name. */
  public String name() {
    return name;
  }

  /** Registers of a thread; 0 on the host. */
  public int registers() {
    return registers;
  }

  /** Bytes of a thread that do not fit in registers; 0 when nothing spills. */
  public int localBytes() {
    return localBytes;
  }

  /** Static shared memory of a block in bytes. */
  public int sharedBytes() {
    return sharedBytes;
  }

  /** The most threads that a block can have. */
  public int maxThreads() {
    return maxThreads;
  }

  /** How many blocks of {@code threads} threads a multiprocessor runs at once. */
  public int activeBlocks(int threads, int dynamicSharedBytes) {
    try (var _ = context.device().use();
        Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      context.callInside(
          "cuOccupancyMaxActiveBlocksPerMultiprocessor",
          () ->
              (int)
                  context
                      .cu()
                      .cuOccupancyMaxActiveBlocksPerMultiprocessor()
                      .invokeExact(out, function, threads, (long) dynamicSharedBytes));
      return out.get(JAVA_INT, 0);
    }
  }

  /**
   * Fixes a launch.
   *
   * @param dynamicSharedBytes shared memory of a block beyond the static one
   * @param parameters a record of the fields of the kernel's parameter struct
   * @throws IllegalArgumentException when the block is too large
   * @throws KernelMismatchException when the record's components are not the struct's fields
   */
  public Launch prepare(Dim grid, Dim block, int dynamicSharedBytes, Record parameters) {
    return prepare(grid, block, dynamicSharedBytes, Arguments.of(parameters));
  }

  /** The same of parameters by the names of the struct's fields. */
  public Launch prepare(Dim grid, Dim block, int dynamicSharedBytes, Arguments parameters) {
    if (block.count() > maxThreads) {
      throw new IllegalArgumentException(
          name + " runs at most " + maxThreads + " threads in a block, not " + block);
    }
    if (dynamicSharedBytes < 0) {
      throw new IllegalArgumentException("negative shared memory: " + dynamicSharedBytes);
    }
    try (var _ = context.device().use()) {
      allowShared(dynamicSharedBytes);
      return new Launch(this, context, function, grid, block, dynamicSharedBytes, parameters);
    }
  }

  /** The parameter struct, as the build wrote it down. */
  ParameterLayout layout() {
    return layout;
  }

  /** Throws unless the driver's parameter is one of the struct's size; old drivers do not say. */
  private void requireSize() {
    if (layout == null) {
      throw new DeviceException(
          "kernels/layouts.txt has no parameters of kernel %s: build the kernels again"
              .formatted(name));
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment offset = arena.allocate(JAVA_LONG);
      MemorySegment size = arena.allocate(JAVA_LONG);
      context.callInside(
          "cuFuncGetParamInfo",
          () -> (int) context.cu().cuFuncGetParamInfo().invokeExact(function, 0L, offset, size));
      if (size.get(JAVA_LONG, 0) != layout.bytes()) {
        throw new DeviceException(
            "kernel %s takes %d bytes of parameters, not %d as kernels/layouts.txt says: build the kernels again"
                .formatted(name, size.get(JAVA_LONG, 0), layout.bytes()));
      }
    } catch (DeviceException e) {
      if (!(e.getCause() instanceof MissingNativeException)) {
        throw e;
      }
    }
  }

  /** Above the default limit (48 KiB on GPUs) dynamic shared memory has to be asked for. */
  private synchronized void allowShared(int bytes) {
    if (bytes > maxDynamicSharedBytes) {
      context.callInside(
          "cuFuncSetAttribute of " + name + " for " + bytes + " bytes of shared memory",
          () ->
              (int)
                  context
                      .cu()
                      .cuFuncSetAttribute()
                      .invokeExact(function, MAX_DYNAMIC_SHARED_BYTES, bytes));
      maxDynamicSharedBytes = bytes;
    }
  }

  private int attribute(int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT);
      context.callInside(
          "cuFuncGetAttribute",
          () -> (int) context.cu().cuFuncGetAttribute().invokeExact(out, attribute, function));
      return out.get(JAVA_INT, 0);
    }
  }

  @Override
  public String toString() {
    return "%s (%d registers, %d bytes shared, %d bytes local)"
        .formatted(name, registers, sharedBytes, localBytes);
  }
}
