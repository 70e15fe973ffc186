package dev.catena.driver;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/** The permission to use AMX's tile registers, which Linux gives to a process that asks for it. */
public final class AmxPermission {
  private static final long ARCH_PRCTL = 158;
  private static final long ARCH_REQ_XCOMP_PERM = 0x1023;
  private static final long XFEATURE_XTILEDATA = 18;

  private AmxPermission() {}

  /** Asks for it on Linux for x86-64, for all threads; whether it is given. */
  public static boolean ask() {
    Linker linker = Linker.nativeLinker();
    FunctionDescriptor longs = FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    MethodHandle call =
        linker.downcallHandle(
            linker.defaultLookup().find("syscall").orElseThrow(),
            longs,
            Linker.Option.firstVariadicArg(1));
    return ForeignCall.of(
            () -> (long) call.invokeExact(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA))
        == 0;
  }
}
