package dev.catena.driver;

import dev.catena.error.MissingNativeException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * The backend (graph) API of cuDNN 9; its numbers are in {@link CudnnAttribute} and {@link
 * CudnnConstants}.
 *
 * <p>Functions that return {@code int} return a {@code cudnnStatus_t}. Handles, descriptors,
 * streams and CUDA graphs are {@code long}; memory of the host is {@code ptr}.
 */
public record Cudnn(
    @C("long()") MethodHandle cudnnGetVersion,
    @C("long()") MethodHandle cudnnGetCudartVersion,
    @C("ptr(int)") MethodHandle cudnnGetErrorString,
    @C("void(ptr, long)") MethodHandle cudnnGetLastErrorString,
    @C("int(ptr)") MethodHandle cudnnCreate,
    @C("int(long)") MethodHandle cudnnDestroy,
    @C("int(long, long)") MethodHandle cudnnSetStream,
    // type, out descriptor
    @C("int(int, ptr)") MethodHandle cudnnBackendCreateDescriptor,
    @C("int(long)") MethodHandle cudnnBackendDestroyDescriptor,
    @C("int(long)") MethodHandle cudnnBackendFinalize,
    // descriptor, attribute, type, count, elements
    @C("int(long, int, int, long, ptr)") MethodHandle cudnnBackendSetAttribute,
    // descriptor, attribute, type, room, out count, out elements
    @C("int(long, int, int, long, ptr, ptr)") MethodHandle cudnnBackendGetAttribute,
    // handle, plan, variant pack
    @C("int(long, long, long)") MethodHandle cudnnBackendExecute) {

  /**
   * The functions of the library that {@link NativeLibraries} found; where it found none, every
   * handle throws {@link MissingNativeException}. The libraries that cuDNN opens by bare name are
   * loaded too, so that they need not be on the loader's path.
   */
  public static Cudnn bind(NativeLibrary.Search library) {
    Cudnn cudnn = Handles.bind(Cudnn.class, MethodHandles.lookup(), library);
    if (library instanceof NativeLibrary.Found found) {
      CudnnCompanions.load(found.path(), cudnn.cudaMajor());
    }
    return cudnn;
  }

  /** The major version of the CUDA runtime built in. */
  private long cudaMajor() {
    try {
      return (long) cudnnGetCudartVersion.invokeExact() / 1000;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
