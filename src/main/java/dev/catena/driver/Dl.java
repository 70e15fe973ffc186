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
  private static final MethodHandle DLOPEN =
      libc("dlopen", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
  private static final MethodHandle DLSYM =
      libc("dlsym", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS));
  private static final MethodHandle DLERROR = libc("dlerror", FunctionDescriptor.of(ADDRESS));
  private static final MethodHandle DLADDR =
      libc("dladdr", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));

  private Dl() {}

  /** A library that stays loaded as long as the process lives. */
  record Library(MemorySegment handle) implements SymbolLookup {
    @Override
    public Optional<MemorySegment> find(String name) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment symbol = (MemorySegment) DLSYM.invokeExact(handle, arena.allocateFrom(name));
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
        int found = (int) DLADDR.invokeExact(address, info);
        MemorySegment name = info.get(ADDRESS, 0);
        return found == 0 || name.address() == 0
            ? Optional.empty()
            : Optional.of(Path.of(name.reinterpret(Long.MAX_VALUE).getString(0)));
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }
  }

  /**
   * Loads a library by path or, without a slash, by the loader's own search.
   *
   * @throws UnsatisfiedLinkError with the loader's reason
   */
  static Library open(String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = (MemorySegment) DLOPEN.invokeExact(arena.allocateFrom(name), RTLD_NOW);
      if (handle.address() == 0) {
        // Bound before dlopen ran: linking it now could load libraries and lose the reason.
        MemorySegment reason = (MemorySegment) DLERROR.invokeExact();
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
