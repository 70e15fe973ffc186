package dev.catena.engine.cublaslt;

import static dev.catena.driver.CublasLtConstants.STATUS_NOT_SUPPORTED;
import static dev.catena.driver.CublasLtConstants.STATUS_SUCCESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.driver.CublasLt;
import dev.catena.driver.CublasLtConstants;
import dev.catena.driver.NativeLibraries;
import dev.catena.driver.NativeLibrary;
import dev.catena.error.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** cuBLASLt's functions with their statuses checked. Stateless and safe for use by many threads. */
final class CublasLtLibrary {

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

  /** Where it was looked for in vain, and the remedy; empty where there is one. */
  static Optional<String> missing() {
    return Holder.LIBRARY.isPresent() ? Optional.empty() : Optional.of(Holder.SEARCH.explain());
  }

  /** The version: major·10000 + minor·100 + patch. */
  long version() {
    try {
      return (long) calls.cublasLtGetVersion().invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** A handle on the current CUDA context's device; for any number of threads. */
  long createHandle() {
    return create("cublasLtCreate", out -> (int) calls.cublasLtCreate().invokeExact(out));
  }

  void destroyHandle(long handle) {
    check("cublasLtDestroy", () -> (int) calls.cublasLtDestroy().invokeExact(handle));
  }

  /** Describes a product; {@code alpha} and {@code beta} are fp32. */
  long createProduct(int arithmetic) {
    return create(
        "cublasLtMatmulDescCreate",
        out ->
            (int)
                calls
                    .cublasLtMatmulDescCreate()
                    .invokeExact(out, arithmetic, CublasLtConstants.R_32F));
  }

  void destroyProduct(long product) {
    check(
        "cublasLtMatmulDescDestroy",
        () -> (int) calls.cublasLtMatmulDescDestroy().invokeExact(product));
  }

  void setProduct(long product, int attribute, int value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment element = arena.allocateFrom(JAVA_INT, value);
      check(
          "cublasLtMatmulDescSetAttribute " + attribute,
          () ->
              (int)
                  calls
                      .cublasLtMatmulDescSetAttribute()
                      .invokeExact(product, attribute, element, 4L));
    }
  }

  void setProductAddress(long product, int attribute, long value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment element = arena.allocateFrom(JAVA_LONG, value);
      check(
          "cublasLtMatmulDescSetAttribute " + attribute,
          () ->
              (int)
                  calls
                      .cublasLtMatmulDescSetAttribute()
                      .invokeExact(product, attribute, element, 8L));
    }
  }

  /** Describes a matrix by columns. */
  long createLayout(int type, long rows, long columns, long leadingDimension) {
    return create(
        "cublasLtMatrixLayoutCreate",
        out ->
            (int)
                calls
                    .cublasLtMatrixLayoutCreate()
                    .invokeExact(out, type, rows, columns, leadingDimension));
  }

  void destroyLayout(long layout) {
    check(
        "cublasLtMatrixLayoutDestroy",
        () -> (int) calls.cublasLtMatrixLayoutDestroy().invokeExact(layout));
  }

  long createPreference() {
    return create(
        "cublasLtMatmulPreferenceCreate",
        out -> (int) calls.cublasLtMatmulPreferenceCreate().invokeExact(out));
  }

  void destroyPreference(long preference) {
    check(
        "cublasLtMatmulPreferenceDestroy",
        () -> (int) calls.cublasLtMatmulPreferenceDestroy().invokeExact(preference));
  }

  void setPreference(long preference, int attribute, int value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment element = arena.allocateFrom(JAVA_INT, value);
      check(
          "cublasLtMatmulPreferenceSetAttribute " + attribute,
          () ->
              (int)
                  calls
                      .cublasLtMatmulPreferenceSetAttribute()
                      .invokeExact(preference, attribute, element, 4L));
    }
  }

  void setPreferenceBytes(long preference, int attribute, long value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment element = arena.allocateFrom(JAVA_LONG, value);
      check(
          "cublasLtMatmulPreferenceSetAttribute " + attribute,
          () ->
              (int)
                  calls
                      .cublasLtMatmulPreferenceSetAttribute()
                      .invokeExact(preference, attribute, element, 8L));
    }
  }

  /** The best algorithm into {@code result}; false where there is none. */
  boolean heuristic(
      long handle, long product, long a, long b, long d, long preference, MemorySegment result) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_INT);
      int status =
          (int)
              calls
                  .cublasLtMatmulAlgoGetHeuristic()
                  .invokeExact(handle, product, a, b, d, d, preference, 1, result, count);
      if (status == STATUS_NOT_SUPPORTED) {
        return false;
      }
      check("cublasLtMatmulAlgoGetHeuristic", status);
      return count.get(JAVA_INT, 0) == 1;
    } catch (Throwable e) {
      throw unexpected(e);
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
      long workspaceBytes,
      long stream) {
    try {
      int status =
          (int)
              calls
                  .cublasLtMatmul()
                  .invokeExact(
                      handle,
                      product,
                      alpha,
                      a,
                      aLayout,
                      b,
                      bLayout,
                      beta,
                      d,
                      dLayout,
                      d,
                      dLayout,
                      algorithm,
                      workspace,
                      workspaceBytes,
                      stream);
      check("cublasLtMatmul", status);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private interface Call {
    int invoke() throws Throwable;
  }

  private interface Creation {
    int invoke(MemorySegment out) throws Throwable;
  }

  private long create(String function, Creation creation) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      check(function, creation.invoke(out));
      return out.get(JAVA_LONG, 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private void check(String function, Call call) {
    try {
      check(function, call.invoke());
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private void check(String function, int status) throws Throwable {
    if (status != STATUS_SUCCESS) {
      var name = (MemorySegment) calls.cublasLtGetStatusName().invokeExact(status);
      throw new DeviceException(
          function + ": " + name.reinterpret(256).getString(0) + " (" + status + ")");
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
