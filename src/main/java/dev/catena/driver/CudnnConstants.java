package dev.catena.driver;

/**
 * The enumeration numbers of cuDNN's graph API that Catena uses, under their names in the header
 * {@code cudnn_graph.h} less the prefix {@code CUDNN_}. A test reads an installed header and
 * compares.
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
  public static final int BACKEND_OPERATION_GEN_STATS_DESCRIPTOR = 14;
  public static final int BACKEND_OPERATIONGRAPH_DESCRIPTOR = 15;
  public static final int BACKEND_VARIANT_PACK_DESCRIPTOR = 16;
  public static final int BACKEND_TENSOR_DESCRIPTOR = 17;
  public static final int BACKEND_DEVICEPROP_DESCRIPTOR = 38;

  // Types of attributes.
  public static final int TYPE_HANDLE = 0;
  public static final int TYPE_DATA_TYPE = 1;
  public static final int TYPE_BOOLEAN = 2;
  public static final int TYPE_INT64 = 3;
  public static final int TYPE_FLOAT = 4;
  public static final int TYPE_VOID_PTR = 6;
  public static final int TYPE_CONVOLUTION_MODE = 7;
  public static final int TYPE_HEUR_MODE = 8;
  public static final int TYPE_NUMERICAL_NOTE = 11;
  public static final int TYPE_POINTWISE_MODE = 14;
  public static final int TYPE_BACKEND_DESCRIPTOR = 15;
  public static final int TYPE_GENSTATS_MODE = 16;
  public static final int TYPE_INT32 = 23;
  public static final int TYPE_CHAR = 24;

  // Element types.
  public static final int DATA_FLOAT = 0;
  public static final int DATA_HALF = 2;
  public static final int DATA_BFLOAT16 = 9;

  // Tensors.
  public static final int ATTR_TENSOR_BYTE_ALIGNMENT = 900;
  public static final int ATTR_TENSOR_DATA_TYPE = 901;
  public static final int ATTR_TENSOR_DIMENSIONS = 902;
  public static final int ATTR_TENSOR_STRIDES = 903;
  public static final int ATTR_TENSOR_UNIQUE_ID = 906;
  public static final int ATTR_TENSOR_IS_VIRTUAL = 907;

  // Convolutions.
  public static final int ATTR_CONVOLUTION_COMP_TYPE = 100;
  public static final int ATTR_CONVOLUTION_CONV_MODE = 101;
  public static final int ATTR_CONVOLUTION_DILATIONS = 102;
  public static final int ATTR_CONVOLUTION_FILTER_STRIDES = 103;
  public static final int ATTR_CONVOLUTION_POST_PADDINGS = 104;
  public static final int ATTR_CONVOLUTION_PRE_PADDINGS = 105;
  public static final int ATTR_CONVOLUTION_SPATIAL_DIMS = 106;
  public static final int CROSS_CORRELATION = 1;
  public static final int ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA = 700;
  public static final int ATTR_OPERATION_CONVOLUTION_FORWARD_BETA = 701;
  public static final int ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC = 702;
  public static final int ATTR_OPERATION_CONVOLUTION_FORWARD_W = 703;
  public static final int ATTR_OPERATION_CONVOLUTION_FORWARD_X = 704;
  public static final int ATTR_OPERATION_CONVOLUTION_FORWARD_Y = 705;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA = 706;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA = 707;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC = 708;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_DATA_W = 709;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX = 710;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY = 711;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA = 712;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA = 713;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC = 714;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW = 715;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X = 716;
  public static final int ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY = 717;

  // Pointwise operations and channel statistics.
  public static final int ATTR_POINTWISE_MODE = 0;
  public static final int ATTR_POINTWISE_MATH_PREC = 1;
  public static final int POINTWISE_ADD = 0;
  public static final int POINTWISE_MUL = 1;
  public static final int POINTWISE_RELU_FWD = 100;
  public static final int ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR = 750;
  public static final int ATTR_OPERATION_POINTWISE_XDESC = 751;
  public static final int ATTR_OPERATION_POINTWISE_BDESC = 752;
  public static final int ATTR_OPERATION_POINTWISE_YDESC = 753;
  public static final int ATTR_OPERATION_GENSTATS_MODE = 770;
  public static final int ATTR_OPERATION_GENSTATS_MATH_PREC = 771;
  public static final int ATTR_OPERATION_GENSTATS_XDESC = 772;
  public static final int ATTR_OPERATION_GENSTATS_SUMDESC = 773;
  public static final int ATTR_OPERATION_GENSTATS_SQSUMDESC = 774;
  public static final int GENSTATS_SUM_SQSUM = 0;

  // Operation graphs.
  public static final int ATTR_OPERATIONGRAPH_OPS = 801;

  // Engines, heuristics, plans, devices.
  public static final int ATTR_ENGINEHEUR_MODE = 200;
  public static final int ATTR_ENGINEHEUR_OPERATION_GRAPH = 201;
  public static final int ATTR_ENGINEHEUR_RESULTS = 202;
  public static final int ATTR_ENGINEHEUR_DEVICEPROP = 204;
  public static final int HEUR_MODE_B = 1;
  public static final int HEUR_MODE_FALLBACK = 2;
  public static final int HEUR_MODE_A = 3;
  public static final int ATTR_ENGINECFG_ENGINE = 300;
  public static final int ATTR_ENGINE_GLOBAL_INDEX = 1301;
  public static final int ATTR_ENGINE_NUMERICAL_NOTE = 1303;
  public static final int NUMERICAL_NOTE_TENSOR_CORE = 0;
  public static final int NUMERICAL_NOTE_DOWN_CONVERT_INPUTS = 1;
  public static final int NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION = 2;
  public static final int NUMERICAL_NOTE_FFT = 3;
  public static final int NUMERICAL_NOTE_NONDETERMINISTIC = 4;
  public static final int NUMERICAL_NOTE_WINOGRAD = 5;
  public static final int ATTR_EXECUTION_PLAN_HANDLE = 400;
  public static final int ATTR_EXECUTION_PLAN_ENGINE_CONFIG = 401;
  public static final int ATTR_EXECUTION_PLAN_WORKSPACE_SIZE = 402;
  public static final int ATTR_EXECUTION_PLAN_JSON_REPRESENTATION = 405;
  public static final int ATTR_EXECUTION_PLAN_DEVICEPROP = 407;
  public static final int ATTR_DEVICEPROP_DEVICE_ID = 2700;
  public static final int ATTR_DEVICEPROP_JSON_REPRESENTATION = 2702;

  // What an execution is given.
  public static final int ATTR_VARIANT_PACK_UNIQUE_IDS = 1000;
  public static final int ATTR_VARIANT_PACK_DATA_POINTERS = 1001;
  public static final int ATTR_VARIANT_PACK_WORKSPACE = 1003;
}
