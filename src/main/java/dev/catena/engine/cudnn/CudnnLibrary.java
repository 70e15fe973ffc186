package dev.catena.engine.cudnn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.Cudnn;
import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * cuDNN's functions with their statuses checked. Stateless and safe for use by many threads; a
 * handle or descriptor is for one thread at a time.
 */
final class CudnnLibrary {

  /** The first version that compiles plans for a device that is not there. */
  static final int OLDEST = 90800;

  private static final int REASON_BYTES = 4096;

  private final Cudnn calls;
  private final int version;

  CudnnLibrary(Cudnn calls) {
    this.calls = calls;
    try {
      this.version = (int) (long) calls.cudnnGetVersion().invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static final class Holder {
    static final NativeLibrary.Search SEARCH = NativeLibraries.find(NativeLibrary.CUDNN);
    static final Optional<CudnnLibrary> LIBRARY =
        switch (SEARCH) {
          case NativeLibrary.Found found ->
              Optional.of(new CudnnLibrary(Cudnn.bind(found)))
                  .filter(library -> library.version() >= OLDEST);
          case NativeLibrary.Missing _ -> Optional.empty();
        };
  }

  /** The library of this machine; empty where {@link #missing} says why. */
  static Optional<CudnnLibrary> find() {
    return Holder.LIBRARY;
  }

  /** What was found instead of a usable cuDNN, and the remedy; empty where there is one. */
  static Optional<String> missing() {
    if (Holder.LIBRARY.isPresent()) {
      return Optional.empty();
    }
    return Optional.of(
        switch (Holder.SEARCH) {
          case NativeLibrary.Missing missing -> missing.explain();
          case NativeLibrary.Found found -> tooOld(found);
        });
  }

  static String tooOld(NativeLibrary.Found found) {
    return "cuDNN "
        + name(OLDEST)
        + " or later is needed, "
        + found.explain()
        + " is older; "
        + found.library().remedy();
  }

  /** The version as cuDNN counts: major·10000 + minor·100 + patch. */
  int version() {
    return version;
  }

  /** The version as people write it, such as {@code 9.24.0}. */
  String versionName() {
    return name(version);
  }

  static String name(int version) {
    return version / 10000 + "." + version / 100 % 100 + "." + version % 100;
  }

  /** A handle on the current CUDA context's device. */
  long createHandle() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      check("cudnnCreate", (int) calls.cudnnCreate().invokeExact(out));
      return out.get(JAVA_LONG, 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  void destroyHandle(long handle) {
    try {
      check("cudnnDestroy", (int) calls.cudnnDestroy().invokeExact(handle));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  void setStream(long handle, long stream) {
    try {
      check("cudnnSetStream", (int) calls.cudnnSetStream().invokeExact(handle, stream));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  long createDescriptor(int type) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      int status = (int) calls.cudnnBackendCreateDescriptor().invokeExact(type, out);
      check("cudnnBackendCreateDescriptor", status);
      return out.get(JAVA_LONG, 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  void destroyDescriptor(long descriptor) {
    try {
      int status = (int) calls.cudnnBackendDestroyDescriptor().invokeExact(descriptor);
      check("cudnnBackendDestroyDescriptor", status);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  void finalizeDescriptor(long descriptor) {
    try {
      int status = (int) calls.cudnnBackendFinalize().invokeExact(descriptor);
      check("cudnnBackendFinalize", status);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  void setAttribute(long descriptor, CudnnAttribute attribute, long count, MemorySegment elements) {
    try {
      int status =
          (int)
              calls
                  .cudnnBackendSetAttribute()
                  .invokeExact(
                      descriptor, attribute.number(), attribute.type().number(), count, elements);
      check("cudnnBackendSetAttribute " + attribute, status);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Reads at most {@code room} elements; returns how many there are, which may be more. */
  long getAttribute(long descriptor, CudnnAttribute attribute, long room, MemorySegment elements) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_LONG);
      int status =
          (int)
              calls
                  .cudnnBackendGetAttribute()
                  .invokeExact(
                      descriptor,
                      attribute.number(),
                      attribute.type().number(),
                      room,
                      count,
                      elements);
      check("cudnnBackendGetAttribute " + attribute, status);
      return count.get(JAVA_LONG, 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Enqueues on the handle's stream, or adds to the graph being captured from it. */
  void execute(long handle, long plan, long variantPack) {
    try {
      int status = (int) calls.cudnnBackendExecute().invokeExact(handle, plan, variantPack);
      check("cudnnBackendExecute", status);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private void check(String function, int status) throws Throwable {
    if (status == CudnnConstants.STATUS_SUCCESS) {
      return;
    }
    var name = (MemorySegment) calls.cudnnGetErrorString().invokeExact(status);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment reason = arena.allocate(REASON_BYTES);
      calls.cudnnGetLastErrorString().invokeExact(reason, (long) REASON_BYTES - 1);
      throw new CudnnException(
          function, status, name.reinterpret(256).getString(0), reason.getString(0).strip());
    }
  }

  private static RuntimeException unexpected(Throwable e) {
    return switch (e) {
      case RuntimeException known -> known;
      case Error error -> throw error;
      default -> new IllegalStateException(e);
    };
  }
}
