package dev.catena.driver;

/**
 * The enumeration numbers of cuBLASLt that Catena uses, under their names in the headers less the
 * prefixes {@code CUBLAS_}, {@code CUBLASLT_} and {@code CUDA_}. A test reads installed headers and
 * compares.
 */
public final class CublasLtConstants {

  private CublasLtConstants() {}

  public static final int STATUS_SUCCESS = 0;
  public static final int STATUS_NOT_SUPPORTED = 15;

  // Element types (library_types.h of the toolkit).
  public static final int R_32F = 0;
  public static final int R_16F = 2;
  public static final int R_16BF = 14;

  // Arithmetic of the sums.
  public static final int COMPUTE_32F = 68;
  public static final int COMPUTE_32F_FAST_TF32 = 77;

  public static final int OP_N = 0;
  public static final int OP_T = 1;

  // Attributes of a product, of a search.
  public static final int MATMUL_DESC_TRANSA = 3;
  public static final int MATMUL_DESC_TRANSB = 4;
  public static final int MATMUL_DESC_EPILOGUE = 7;
  public static final int MATMUL_DESC_BIAS_POINTER = 8;
  public static final int MATMUL_PREF_MAX_WORKSPACE_BYTES = 1;
  public static final int MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5;
  public static final int MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6;
  public static final int MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7;
  public static final int MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8;

  public static final int EPILOGUE_DEFAULT = 1;
  public static final int EPILOGUE_RELU = 2;
  public static final int EPILOGUE_BIAS = 4;

  /** {@code sizeof(cublasLtMatmulAlgo_t)}. */
  public static final int ALGORITHM_BYTES = 64;

  /** {@code sizeof(cublasLtMatmulHeuristicResult_t)}: algorithm, workspace, status, waves. */
  public static final int HEURISTIC_RESULT_BYTES = 96;
}
