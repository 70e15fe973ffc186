package dev.catena.driver;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * What only {@code libcuptx.so} has: its judge, what it is told of registers, and counts of
 * launches.
 */
public record InterpreterControls(
    @C("void(int)") MethodHandle cuptxSetJudge,
    @C("ptr()") MethodHandle cuptxTakeFinding,
    @C("void(long, long)") MethodHandle cuptxForget,
    @C("void(ptr)") MethodHandle cuptxSetRegisters,
    @C("int(long, long, long, long)") MethodHandle cuptxCountLaunches,
    @C("void()") MethodHandle cuptxStopCounting,
    @C("long(long, ptr)") MethodHandle cuptxCountedLaunch) {

  /** The controls, bound once for the process. */
  public static InterpreterControls get() {
    return Holder.CONTROLS;
  }

  private static final class Holder {
    static final InterpreterControls CONTROLS =
        Handles.bind(
            InterpreterControls.class,
            MethodHandles.lookup(),
            NativeLibraries.find(NativeLibrary.CUPTX));
  }
}
