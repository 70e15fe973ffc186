package dev.catena.driver;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** What only {@code libcuhost.so} has: threads, a memory limit, faults for tests. */
public record HostControls(
    @C("int(int)") MethodHandle cuhostSetThreads,
    @C("int()") MethodHandle cuhostGetThreads,
    @C("void(long)") MethodHandle cuhostSetMemoryLimit,
    @C("void(int)") MethodHandle cuhostSetChecking,
    @C("void(long)") MethodHandle cuhostSetSeed,
    @C("void(ptr, int, int, int)") MethodHandle cuhostInjectFault,
    @C("void()") MethodHandle cuhostClearFaults,
    @C("ptr()") MethodHandle cuhostLastFault,
    @C("long()") MethodHandle cuhostLaunchCount) {

  /** The controls, bound once for the process. */
  public static HostControls get() {
    return Holder.CONTROLS;
  }

  private static final class Holder {
    static final HostControls CONTROLS =
        Handles.bind(
            HostControls.class, MethodHandles.lookup(), NativeLibraries.find(NativeLibrary.CUHOST));
  }
}
