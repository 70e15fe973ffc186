package dev.catena.engine.cublaslt;

import static dev.catena.driver.CublasLtConstants.STATUS_NOT_SUPPORTED;
import static dev.catena.driver.CublasLtConstants.STATUS_SUCCESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.invoke.MethodHandles.insertArguments;

import dev.catena.driver.CublasLt;
import dev.catena.driver.CublasLtConstants;
import dev.catena.driver.ForeignCall;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import dev.catena.error.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** cuBLASLt's functions with their statuses checked. Stateless and safe for use by many threads. */
final class CublasLtLibrary implements ForeignCall.Check {

  private final CublasLt calls;

  private CublasLtLibrary(CublasLt calls) {
    this.calls = calls;
  }

  private static final class Holder {
    static final NativeLibrary.Search SEARCH = NativeLibraries.find(NativeLibrary.CUBLASLT);
    static final Optional<CublasLtLibrary> LIBRARY =
        SEARCH instanceof NativeLibrary.Found found
            ? Optional.of(new CublasLtLibrary(CublasLt.bind(found)))
            : Optional.empty();
  }

  /** The library of this machine; empty where {@link #missing} says why. */
  static Optional<CublasLtLibrary> find() {
    return Holder.LIBRARY;
  }

  /** The places searched in vain, and the remedy; empty if the library was found. */
  static Optional<String> missing() {
    return Holder.LIBRARY.isPresent() ? Optional.empty() : Optional.of(Holder.SEARCH.explain());
  }

  /** A handle on the current CUDA context's device; for any number of threads. */
  long createHandle() {
    return create("cublasLtCreate", calls.cublasLtCreate());
  }

  void destroyHandle(long handle) {
    destroy("cublasLtDestroy", calls.cublasLtDestroy(), handle);
  }

  /** Describes a product; its factors {@code alpha} and {@code beta} are fp32. */
  long createProduct(int arithmetic) {
    MethodHandle create = calls.cublasLtMatmulDescCreate();
    return create(
        "cublasLtMatmulDescCreate",
        insertArguments(create, 1, arithmetic, CublasLtConstants.R_32F));
  }

  void destroyProduct(long product) {
    destroy("cublasLtMatmulDescDestroy", calls.cublasLtMatmulDescDestroy(), product);
  }

  /** Sets an attribute of a product: an int, but for an address. */
  void setProduct(long product, int attribute, long value) {
    boolean wide = attribute == CublasLtConstants.MATMUL_DESC_BIAS_POINTER;
    String function = "cublasLtMatmulDescSetAttribute";
    set(function, calls.cublasLtMatmulDescSetAttribute(), product, attribute, value, wide);
  }

  /** Describes a matrix by columns. */
  long createLayout(int type, long rows, long columns, long leadingDimension) {
    MethodHandle create = calls.cublasLtMatrixLayoutCreate();
    return create(
        "cublasLtMatrixLayoutCreate",
        insertArguments(create, 1, type, rows, columns, leadingDimension));
  }

  void destroyLayout(long layout) {
    destroy("cublasLtMatrixLayoutDestroy", calls.cublasLtMatrixLayoutDestroy(), layout);
  }

  long createPreference() {
    return create("cublasLtMatmulPreferenceCreate", calls.cublasLtMatmulPreferenceCreate());
  }

  void destroyPreference(long preference) {
    MethodHandle destroy = calls.cublasLtMatmulPreferenceDestroy();
    destroy("cublasLtMatmulPreferenceDestroy", destroy, preference);
  }

  /** Sets an attribute of a preference: an int, but for the bytes of the workspace. */
  void setPreference(long preference, int attribute, long value) {
    boolean wide = attribute == CublasLtConstants.MATMUL_PREF_MAX_WORKSPACE_BYTES;
    String function = "cublasLtMatmulPreferenceSetAttribute";
    set(function, calls.cublasLtMatmulPreferenceSetAttribute(), preference, attribute, value, wide);
  }

  private long create(String function, MethodHandle create) {
    return create(function, out -> (int) create.invokeExact(out));
  }

  private void destroy(String function, MethodHandle destroy, long handle) {
    call(function, () -> (int) destroy.invokeExact(handle));
  }

  private void set(
      String function, MethodHandle set, long descriptor, int attribute, long value, boolean wide) {
    long bytes = wide ? Long.BYTES : Integer.BYTES;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment element = arena.allocateFrom(JAVA_LONG, value); // little-endian
      call(
          function + " " + attribute,
          () -> (int) set.invokeExact(descriptor, attribute, element, bytes));
    }
  }

  /** The best algorithm into {@code result}; false where there is none. */
  boolean heuristic(
      long handle, long product, long a, long b, long d, long preference, MemorySegment result) {
    MethodHandle ask = calls.cublasLtMatmulAlgoGetHeuristic();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_INT);
      int status =
          ForeignCall.of(
              () ->
                  (int) ask.invokeExact(handle, product, a, b, d, d, preference, 1, result, count));
      if (status == STATUS_NOT_SUPPORTED) {
        return false;
      }
      call("cublasLtMatmulAlgoGetHeuristic", () -> status);
      return count.get(JAVA_INT, 0) == 1;
    }
  }

  /** D = alpha·A·B + beta·D and the product's epilogue, enqueued on {@code stream}. */
  void matmul(
      long handle,
      long product,
      MemorySegment alpha,
      long a,
      long aLayout,
      long b,
      long bLayout,
      MemorySegment beta,
      long d,
      long dLayout,
      MemorySegment algorithm,
      long workspace,
      long bytes,
      long stream) {
    MethodHandle multiply = calls.cublasLtMatmul();
    call(
        "cublasLtMatmul",
        () ->
            (int)
                multiply.invokeExact(
                    handle, product, alpha, a, aLayout, b, bLayout, beta, d, dLayout, d, dLayout,
                    algorithm, workspace, bytes, stream));
  }

  @Override
  public void require(String function, int status) throws Throwable {
    if (status != STATUS_SUCCESS) {
      var name = (MemorySegment) calls.cublasLtGetStatusName().invokeExact(status);
      throw new DeviceException(
          function + ": " + name.reinterpret(256).getString(0) + " (" + status + ")");
    }
  }
}
