package dev.catena.engine.cublaslt;

import static dev.catena.driver.CublasLtConstants.ALGORITHM_BYTES;
import static dev.catena.driver.CublasLtConstants.COMPUTE_32F;
import static dev.catena.driver.CublasLtConstants.COMPUTE_32F_FAST_TF32;
import static dev.catena.driver.CublasLtConstants.EPILOGUE_BIAS;
import static dev.catena.driver.CublasLtConstants.EPILOGUE_DEFAULT;
import static dev.catena.driver.CublasLtConstants.EPILOGUE_RELU;
import static dev.catena.driver.CublasLtConstants.HEURISTIC_RESULT_BYTES;
import static dev.catena.driver.CublasLtConstants.MATMUL_DESC_BIAS_POINTER;
import static dev.catena.driver.CublasLtConstants.MATMUL_DESC_EPILOGUE;
import static dev.catena.driver.CublasLtConstants.MATMUL_DESC_TRANSA;
import static dev.catena.driver.CublasLtConstants.MATMUL_DESC_TRANSB;
import static dev.catena.driver.CublasLtConstants.MATMUL_PREF_MAX_WORKSPACE_BYTES;
import static dev.catena.driver.CublasLtConstants.MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
import static dev.catena.driver.CublasLtConstants.MATMUL_PREF_MIN_ALIGNMENT_B_BYTES;
import static dev.catena.driver.CublasLtConstants.MATMUL_PREF_MIN_ALIGNMENT_C_BYTES;
import static dev.catena.driver.CublasLtConstants.MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
import static dev.catena.driver.CublasLtConstants.OP_N;
import static dev.catena.driver.CublasLtConstants.OP_T;
import static dev.catena.driver.CublasLtConstants.R_16BF;
import static dev.catena.driver.CublasLtConstants.R_16F;
import static dev.catena.driver.CublasLtConstants.R_32F;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.catena.graph.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The descriptors of y = relu?(x·wᵀ + b) over pixels. In memory a row is a pixel; cuBLASLt counts
 * by columns, so it is told of the transposes: yᵀ = w·xᵀ, with the pitches as leading dimensions.
 * Hence a view costs nothing.
 */
final class CublasLtProduct implements AutoCloseable {

  /**
   * The shape of a product.
   *
   * @param pixels rows of x and y
   * @param inputs channels of x
   * @param outputs channels of y
   * @param xPitch elements from one pixel of x to the next
   * @param wPitch elements from one row of w to the next
   * @param yPitch elements from one pixel of y to the next
   */
  record Extents(long pixels, long inputs, long outputs, long xPitch, long wPitch, long yPitch) {}

  /**
   * How a product is computed.
   *
   * @param opaque cuBLASLt's own description
   * @param workspace bytes of scratch memory
   */
  record Algorithm(byte[] opaque, long workspace) {}

  /** A bias address to ask with: its alignment counts, it is not read. */
  private static final long ALIGNED = 256;

  private static final MemorySegment ONE = Arena.global().allocateFrom(JAVA_FLOAT, 1);
  private static final MemorySegment ZERO = Arena.global().allocateFrom(JAVA_FLOAT, 0);

  private final CublasLtLibrary lt;
  private long product;
  private long x;
  private long w;
  private long y;

  CublasLtProduct(
      CublasLtLibrary lt, Extents extents, DType dtype, boolean bias, boolean relu, boolean tf32) {
    this.lt = lt;
    try {
      product = lt.createProduct(tf32 ? COMPUTE_32F_FAST_TF32 : COMPUTE_32F);
      lt.setProduct(product, MATMUL_DESC_TRANSA, OP_T);
      lt.setProduct(product, MATMUL_DESC_TRANSB, OP_N);
      int epilogue = (bias ? EPILOGUE_BIAS : 0) | (relu ? EPILOGUE_RELU : 0);
      lt.setProduct(product, MATMUL_DESC_EPILOGUE, epilogue == 0 ? EPILOGUE_DEFAULT : epilogue);
      if (bias) {
        setBias(ALIGNED);
      }
      int type = type(dtype);
      w = lt.createLayout(type, extents.inputs, extents.outputs, extents.wPitch);
      x = lt.createLayout(type, extents.inputs, extents.pixels, extents.xPitch);
      y = lt.createLayout(type, extents.outputs, extents.pixels, extents.yPitch);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private static int type(DType dtype) {
    return switch (dtype) {
      case FP32 -> R_32F;
      case FP16 -> R_16F;
      case BF16 -> R_16BF;
    };
  }

  /** Sets the address of the bias: one value an output channel, in the type of y. */
  void setBias(long address) {
    lt.setProduct(product, MATMUL_DESC_BIAS_POINTER, address);
  }

  /** The recommendation of the heuristics, if any. */
  Optional<Algorithm> recommend(long handle, long workspaceLimit, int xAlignment, int yAlignment) {
    long preference = lt.createPreference();
    try (Arena arena = Arena.ofConfined()) {
      lt.setPreference(preference, MATMUL_PREF_MAX_WORKSPACE_BYTES, workspaceLimit);
      lt.setPreference(preference, MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, 16);
      lt.setPreference(preference, MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, xAlignment);
      lt.setPreference(preference, MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, yAlignment);
      lt.setPreference(preference, MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, yAlignment);
      MemorySegment result = arena.allocate(HEURISTIC_RESULT_BYTES, JAVA_LONG.byteAlignment());
      if (!lt.heuristic(handle, product, w, x, y, preference, result)
          || result.get(JAVA_INT, ALGORITHM_BYTES + JAVA_LONG.byteSize()) != 0) {
        return Optional.empty();
      }
      byte[] opaque = result.asSlice(0, ALGORITHM_BYTES).toArray(JAVA_BYTE);
      return Optional.of(new Algorithm(opaque, result.get(JAVA_LONG, ALGORITHM_BYTES)));
    } finally {
      lt.destroyPreference(preference);
    }
  }

  /** Enqueues the product. */
  void enqueue(
      long handle,
      long weights,
      long input,
      long output,
      MemorySegment algorithm,
      long workspace,
      long workspaceBytes,
      long stream) {
    if (product == 0) {
      throw new IllegalStateException("the product is closed");
    }
    lt.matmul(
        handle,
        product,
        ONE,
        weights,
        w,
        input,
        x,
        ZERO,
        output,
        y,
        algorithm,
        workspace,
        workspaceBytes,
        stream);
  }

  @Override
  public void close() {
    for (long layout : new long[] {y, x, w}) {
      if (layout != 0) {
        lt.destroyLayout(layout);
      }
    }
    if (product != 0) {
      lt.destroyProduct(product);
    }
    y = 0;
    x = 0;
    w = 0;
    product = 0;
  }
}
