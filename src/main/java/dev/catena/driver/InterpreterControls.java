package dev.catena.driver;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** What only {@code libcuptx.so} has: its judge, and what it is told of registers. */
public record InterpreterControls(
    @C("void(int)") MethodHandle cuptxSetJudge,
    @C("ptr()") MethodHandle cuptxTakeFinding,
    @C("void(long, long)") MethodHandle cuptxForget,
    @C("void(ptr)") MethodHandle cuptxSetRegisters) {

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
