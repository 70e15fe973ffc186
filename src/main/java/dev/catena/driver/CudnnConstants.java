package dev.catena.driver;

/**
 * Numbers of cuDNN's graph API that are values, under their names in the header {@code
 * cudnn_graph.h} less the prefix {@code CUDNN_}. A test reads an installed header and compares.
 */
public final class CudnnConstants {

  private CudnnConstants() {}

  // Status: thousands are the category (2 bad parameter, 3 not supported, 4 internal, 5 execution).
  public static final int STATUS_SUCCESS = 0;
  public static final int STATUS_NOT_SUPPORTED = 3000;

  // Descriptors.
  public static final int BACKEND_POINTWISE_DESCRIPTOR = 0;
  public static final int BACKEND_CONVOLUTION_DESCRIPTOR = 1;
  public static final int BACKEND_ENGINE_DESCRIPTOR = 2;
  public static final int BACKEND_ENGINECFG_DESCRIPTOR = 3;
  public static final int BACKEND_ENGINEHEUR_DESCRIPTOR = 4;
  public static final int BACKEND_EXECUTION_PLAN_DESCRIPTOR = 5;
  public static final int BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR = 10;
  public static final int BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR = 11;
  public static final int BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR = 12;
  public static final int BACKEND_OPERATION_POINTWISE_DESCRIPTOR = 13;
  public static final int BACKEND_OPERATIONGRAPH_DESCRIPTOR = 15;
  public static final int BACKEND_VARIANT_PACK_DESCRIPTOR = 16;
  public static final int BACKEND_TENSOR_DESCRIPTOR = 17;
  public static final int BACKEND_DEVICEPROP_DESCRIPTOR = 38;

  // Element types.
  public static final int DATA_FLOAT = 0;
  public static final int DATA_HALF = 2;
  public static final int DATA_BFLOAT16 = 9;

  // Convolutions.
  public static final int CROSS_CORRELATION = 1;

  // Pointwise operations.
  public static final int POINTWISE_ADD = 0;
  public static final int POINTWISE_RELU_FWD = 100;

  // Heuristics and numerical notes of engines.
  public static final int HEUR_MODE_B = 1;
  public static final int HEUR_MODE_FALLBACK = 2;
  public static final int HEUR_MODE_A = 3;
  public static final int NUMERICAL_NOTE_TENSOR_CORE = 0;
  public static final int NUMERICAL_NOTE_DOWN_CONVERT_INPUTS = 1;
  public static final int NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION = 2;
  public static final int NUMERICAL_NOTE_FFT = 3;
  public static final int NUMERICAL_NOTE_NONDETERMINISTIC = 4;
  public static final int NUMERICAL_NOTE_WINOGRAD = 5;
}
