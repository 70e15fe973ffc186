package dev.catena.driver;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.catena.driver.NativeLibrary.Attempt;
import dev.catena.driver.NativeLibrary.Found;
import dev.catena.driver.NativeLibrary.Missing;
import dev.catena.error.MissingNativeException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class HandlesTest {
  record LibC(
      @C("long(ptr)") MethodHandle strlen, @C("void(int, long)") MethodHandle no_such_function) {}

  private static final Found LIBC =
      new Found(
          NativeLibrary.CUHOST,
          Path.of("libc.so.6"),
          "6",
          "the loader's path",
          Linker.nativeLinker().defaultLookup(),
          List.of());

  @Test
  void readsSignatures() {
    assertEquals(FunctionDescriptor.ofVoid(), Handles.descriptor("void()"));
    assertEquals(
        FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_FLOAT),
        Handles.descriptor("int(ptr, long, float)"));
    assertThrows(IllegalArgumentException.class, () -> Handles.descriptor("int(pointer)"));
  }

  @Test
  void bindsEachComponentToItsOwnSymbol() throws Throwable {
    LibC c = Handles.bind(LibC.class, MethodHandles.lookup(), LIBC);
    try (Arena arena = Arena.ofConfined()) {
      assertEquals(6L, (long) c.strlen().invokeExact(arena.allocateFrom("catena")));
    }
  }

  @Test
  void aMissingFunctionSaysSoWhenItIsUsed() {
    LibC c = Handles.bind(LibC.class, MethodHandles.lookup(), LIBC);
    var e =
        assertThrows(
            MissingNativeException.class,
            () -> {
              c.no_such_function().invokeExact(1, 2L);
            });
    assertEquals("libc.so.6 (version 6) has no function no_such_function", e.getMessage());
  }

  @Test
  void everyFunctionOfAMissingLibrarySaysWhereItWasLookedFor() {
    Missing missing =
        new Missing(NativeLibrary.CUDA, List.of(new Attempt("the loader's path", "not there")));
    CudaDriver cu = CudaDriver.bind(missing);
    var e = assertThrows(MissingNativeException.class, () -> call(cu));
    assertEquals(
        "libcuda.so.1 was not found (the loader's path: not there);"
            + " to have it, install the NVIDIA driver",
        e.getMessage());
  }

  private static int call(CudaDriver cu) throws Throwable {
    return (int) cu.cuInit().invokeExact(0);
  }
}
