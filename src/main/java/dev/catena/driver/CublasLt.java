package dev.catena.driver;

import dev.catena.error.MissingNativeException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * The matrix products of cuBLASLt 12 and 13; its numbers are in {@link CublasLtConstants}.
 *
 * <p>Functions that return {@code int} return a {@code cublasStatus_t}. Handles, descriptors,
 * streams and device pointers are {@code long}; memory of the host is {@code ptr}.
 */
public record CublasLt(
    @C("ptr(int)") MethodHandle cublasLtGetStatusName,
    @C("int(ptr)") MethodHandle cublasLtCreate,
    @C("int(long)") MethodHandle cublasLtDestroy,
    // out descriptor, arithmetic, type of alpha and beta
    @C("int(ptr, int, int)") MethodHandle cublasLtMatmulDescCreate,
    @C("int(long)") MethodHandle cublasLtMatmulDescDestroy,
    // descriptor, attribute, value, bytes
    @C("int(long, int, ptr, long)") MethodHandle cublasLtMatmulDescSetAttribute,
    // out layout, element type, rows, columns, leading dimension
    @C("int(ptr, int, long, long, long)") MethodHandle cublasLtMatrixLayoutCreate,
    @C("int(long)") MethodHandle cublasLtMatrixLayoutDestroy,
    @C("int(ptr)") MethodHandle cublasLtMatmulPreferenceCreate,
    @C("int(long)") MethodHandle cublasLtMatmulPreferenceDestroy,
    @C("int(long, int, ptr, long)") MethodHandle cublasLtMatmulPreferenceSetAttribute,
    // handle, product, layouts of A, B, C, D, preference, room, out results, out count
    @C("int(long, long, long, long, long, long, long, int, ptr, ptr)")
        MethodHandle cublasLtMatmulAlgoGetHeuristic,
    // handle, product, alpha, A, its layout, B, its layout, beta, C, its layout, D, its layout,
    // algorithm, workspace, its bytes, stream
    @C(
            "int(long, long, ptr, long, long, long, long, ptr, long, long, long, long, ptr, long, long,"
                + " long)")
        MethodHandle cublasLtMatmul) {

  /**
   * The functions of the library that {@link NativeLibraries} found; where it found none, every
   * handle throws {@link MissingNativeException}.
   */
  public static CublasLt bind(NativeLibrary.Search library) {
    return Handles.bind(CublasLt.class, MethodHandles.lookup(), library);
  }
}
