package dev.catena.driver;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** What only our own drivers have: threads, a memory limit, faults for tests. */
public record HostControls(
    @C("int(int)") MethodHandle cuhostSetThreads,
    @C("int()") MethodHandle cuhostGetThreads,
    @C("ptr(int)") MethodHandle cuhostLimitReason,
    @C("void(long)") MethodHandle cuhostSetMemoryLimit,
    @C("void(int)") MethodHandle cuhostSetChecking,
    @C("void(ptr, int, int, int)") MethodHandle cuhostInjectFault,
    @C("void()") MethodHandle cuhostClearFaults,
    @C("ptr()") MethodHandle cuhostLastFault,
    @C("long()") MethodHandle cuhostLaunchCount) {

  /** The controls of {@link CudaDriver#host}, bound once for the process. */
  public static HostControls host() {
    return Host.CONTROLS;
  }

  /** The controls of {@link CudaDriver#interpreter}, bound once for the process. */
  public static HostControls interpreter() {
    return Interpreter.CONTROLS;
  }

  private static HostControls bind(NativeLibrary library) {
    return Handles.bind(HostControls.class, MethodHandles.lookup(), NativeLibraries.find(library));
  }

  private static final class Host {
    static final HostControls CONTROLS = bind(NativeLibrary.CUHOST);
  }

  private static final class Interpreter {
    static final HostControls CONTROLS = bind(NativeLibrary.CUPTX);
  }
}
