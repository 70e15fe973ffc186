package dev.catena.driver;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The loader of the C library, which unlike {@link SymbolLookup#libraryLookup} says why it failed.
 */
final class Dl {
  private static final int RTLD_NOW = 2;
  private static Functions functions;

  private Dl() {}

  private record Functions(
      MethodHandle dlopen, MethodHandle dlsym, MethodHandle dlerror, MethodHandle dladdr) {}

  /** Bound at the first call, not with the class, so that a refusal is an exception each time. */
  private static synchronized Functions functions() {
    if (functions == null) {
      functions =
          new Functions(
              libc("dlopen", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT)),
              libc("dlsym", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS)),
              libc("dlerror", FunctionDescriptor.of(ADDRESS)),
              libc("dladdr", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS)));
    }
    return functions;
  }

  /** A library that stays loaded as long as the process lives. */
  record Library(MemorySegment handle) implements SymbolLookup {
    @Override
    public Optional<MemorySegment> find(String name) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment symbol =
            (MemorySegment) functions().dlsym().invokeExact(handle, arena.allocateFrom(name));
        return symbol.address() == 0 ? Optional.empty() : Optional.of(symbol);
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }

    /** The file that holds {@code symbol}, as the loader names it. */
    Optional<Path> file(String symbol) {
      return find(symbol).flatMap(Library::file);
    }

    private static Optional<Path> file(MemorySegment address) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment info = arena.allocate(4 * ADDRESS.byteSize(), ADDRESS.byteAlignment());
        int found = (int) functions().dladdr().invokeExact(address, info);
        MemorySegment name = info.get(ADDRESS, 0);
        return found == 0 || name.address() == 0
            ? Optional.empty()
            : Optional.of(Path.of(name.reinterpret(Long.MAX_VALUE).getString(0)));
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }
  }

  /** Sets a variable of this process's environment, for native code, if it is not set. */
  static void setDefault(String variable, String value) {
    try (Arena arena = Arena.ofConfined()) {
      var setenv = libc("setenv", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
      int _ = (int) setenv.invokeExact(arena.allocateFrom(variable), arena.allocateFrom(value), 0);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Loads a library by path or, without a slash, by the loader's own search.
   *
   * @throws UnsatisfiedLinkError with the loader's reason
   * @throws IllegalCallerException if Java may not call native code
   */
  static Library open(String name) {
    Functions functions = functions();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle =
          (MemorySegment) functions.dlopen().invokeExact(arena.allocateFrom(name), RTLD_NOW);
      if (handle.address() == 0) {
        // Bound before dlopen ran: linking it now could load libraries and lose the reason.
        MemorySegment reason = (MemorySegment) functions.dlerror().invokeExact();
        throw new UnsatisfiedLinkError(
            reason.address() == 0
                ? name + ": no reason given"
                : reason.reinterpret(Long.MAX_VALUE).getString(0));
      }
      return new Library(handle);
    } catch (UnsatisfiedLinkError e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static MethodHandle libc(String symbol, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(symbol), descriptor);
  }
}
