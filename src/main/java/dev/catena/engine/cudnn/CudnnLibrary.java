package dev.catena.engine.cudnn;

import dev.catena.driver.Cudnn;
import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import dev.catena.driver.ForeignCall;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * cuDNN's functions with their statuses checked. Stateless and safe for use by many threads; a
 * handle or descriptor is for one thread at a time.
 */
final class CudnnLibrary implements ForeignCall.Check {

  /** The first version that compiles plans for a device that is not there. */
  static final int OLDEST = 90800;

  private static final int REASON_BYTES = 4096;

  private final Cudnn calls;
  private final int version;

  CudnnLibrary(Cudnn calls) {
    this.calls = calls;
    this.version = ForeignCall.of(() -> (int) (long) calls.cudnnGetVersion().invokeExact());
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

  /** The reason why there is no usable cuDNN, and the remedy; empty if there is one. */
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
    return create("cudnnCreate", out -> (int) calls.cudnnCreate().invokeExact(out));
  }

  void destroyHandle(long handle) {
    call("cudnnDestroy", () -> (int) calls.cudnnDestroy().invokeExact(handle));
  }

  void setStream(long handle, long stream) {
    call("cudnnSetStream", () -> (int) calls.cudnnSetStream().invokeExact(handle, stream));
  }

  long createDescriptor(int type) {
    MethodHandle create = calls.cudnnBackendCreateDescriptor();
    return create("cudnnBackendCreateDescriptor", out -> (int) create.invokeExact(type, out));
  }

  void destroyDescriptor(long descriptor) {
    MethodHandle destroy = calls.cudnnBackendDestroyDescriptor();
    call("cudnnBackendDestroyDescriptor", () -> (int) destroy.invokeExact(descriptor));
  }

  void finalizeDescriptor(long descriptor) {
    MethodHandle finish = calls.cudnnBackendFinalize();
    call("cudnnBackendFinalize", () -> (int) finish.invokeExact(descriptor));
  }

  void setAttribute(long descriptor, CudnnAttribute attribute, long count, MemorySegment elements) {
    MethodHandle set = calls.cudnnBackendSetAttribute();
    int number = attribute.number();
    int type = attribute.type().number();
    call(
        "cudnnBackendSetAttribute " + attribute,
        () -> (int) set.invokeExact(descriptor, number, type, count, elements));
  }

  /** Reads at most {@code room} elements; returns how many there are, which may be more. */
  long getAttribute(long descriptor, CudnnAttribute attribute, long room, MemorySegment elements) {
    MethodHandle get = calls.cudnnBackendGetAttribute();
    int number = attribute.number();
    int type = attribute.type().number();
    return create(
        "cudnnBackendGetAttribute " + attribute,
        count -> (int) get.invokeExact(descriptor, number, type, room, count, elements));
  }

  /** Enqueues on the handle's stream, or adds to the graph being captured from it. */
  void execute(long handle, long plan, long variantPack) {
    MethodHandle execute = calls.cudnnBackendExecute();
    call("cudnnBackendExecute", () -> (int) execute.invokeExact(handle, plan, variantPack));
  }

  @Override
  public void require(String function, int status) throws Throwable {
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
}
