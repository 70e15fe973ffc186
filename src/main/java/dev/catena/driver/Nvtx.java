package dev.catena.driver;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * Ranges of NVIDIA's Tools Extension, which nest on a thread; nothing happens in them unless a
 * profiler listens. What they return is the depth, or a negative number, and means nothing here.
 */
public record Nvtx(
    @C("int(ptr)") MethodHandle nvtxRangePushA, @C("int()") MethodHandle nvtxRangePop) {
  /** The functions of the library that {@link NativeLibraries} found. */
  public static Nvtx bind(NativeLibrary.Search library) {
    return Handles.bind(Nvtx.class, MethodHandles.lookup(), library);
  }
}
