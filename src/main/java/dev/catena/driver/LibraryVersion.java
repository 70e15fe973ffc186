package dev.catena.driver;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Asks a loaded library for its version. */
final class LibraryVersion {
  /** {@code MPI_MAX_LIBRARY_VERSION_STRING} of MPICH, the longer one. */
  private static final int MPI_VERSION = 8192;

  private static final Pattern NUMBER = Pattern.compile("\\d+(\\.\\d+)+");

  private LibraryVersion() {}

  /** The version in dotted form, or {@code unknown}. */
  static String of(NativeLibrary library, SymbolLookup symbols) {
    try (Arena arena = Arena.ofConfined()) {
      return switch (library) {
        case CUDA, CUHOST, CUPTX -> {
          MemorySegment out = arena.allocate(JAVA_INT);
          int status =
              (int)
                  handle(symbols, "cuDriverGetVersion", FunctionDescriptor.of(JAVA_INT, ADDRESS))
                      .invokeExact(out);
          yield status == 0 ? cuda(out.get(JAVA_INT, 0)) : "unknown";
        }
        case CUDNN -> dotted(number(symbols, "cudnnGetVersion"));
        case CUBLASLT -> dotted(number(symbols, "cublasLtGetVersion"));
        case NVTX -> "unknown"; // It cannot be asked.
        case NCCL -> {
          MemorySegment out = arena.allocate(JAVA_INT);
          var _ =
              (int)
                  handle(symbols, "ncclGetVersion", FunctionDescriptor.of(JAVA_INT, ADDRESS))
                      .invokeExact(out);
          yield dotted(out.get(JAVA_INT, 0));
        }
        case OPENMPI, MPICH -> {
          MemorySegment text = arena.allocate(MPI_VERSION);
          MemorySegment length = arena.allocate(JAVA_INT);
          FunctionDescriptor of = FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS);
          var _ = (int) handle(symbols, "MPI_Get_library_version", of).invokeExact(text, length);
          Matcher number = NUMBER.matcher(text.getString(0));
          yield number.find() ? number.group() : "unknown";
        }
        case ONEDNN -> {
          MemorySegment version =
              ((MemorySegment)
                      handle(symbols, "dnnl_version", FunctionDescriptor.of(ADDRESS)).invokeExact())
                  .reinterpret(3 * JAVA_INT.byteSize());
          yield version.getAtIndex(JAVA_INT, 0)
              + "."
              + version.getAtIndex(JAVA_INT, 1)
              + "."
              + version.getAtIndex(JAVA_INT, 2);
        }
      };
    } catch (Throwable e) {
      return "unknown";
    }
  }

  /** A version as the CUDA driver counts it: 13010 is 13.1. */
  static String cuda(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  private static String dotted(long version) {
    return version / 10000 + "." + version / 100 % 100 + "." + version % 100;
  }

  private static long number(SymbolLookup symbols, String name) throws Throwable {
    return (long) handle(symbols, name, FunctionDescriptor.of(JAVA_LONG)).invokeExact();
  }

  private static MethodHandle handle(
      SymbolLookup symbols, String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), descriptor);
  }
}
