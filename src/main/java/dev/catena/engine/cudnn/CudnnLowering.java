package dev.catena.engine.cudnn;

import static dev.catena.driver.CudnnConstants.ATTR_CONVOLUTION_COMP_TYPE;
import static dev.catena.driver.CudnnConstants.ATTR_CONVOLUTION_CONV_MODE;
import static dev.catena.driver.CudnnConstants.ATTR_CONVOLUTION_DILATIONS;
import static dev.catena.driver.CudnnConstants.ATTR_CONVOLUTION_FILTER_STRIDES;
import static dev.catena.driver.CudnnConstants.ATTR_CONVOLUTION_POST_PADDINGS;
import static dev.catena.driver.CudnnConstants.ATTR_CONVOLUTION_PRE_PADDINGS;
import static dev.catena.driver.CudnnConstants.ATTR_CONVOLUTION_SPATIAL_DIMS;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATIONGRAPH_OPS;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_DATA_W;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_FORWARD_BETA;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_FORWARD_W;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_FORWARD_X;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_CONVOLUTION_FORWARD_Y;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_GENSTATS_MATH_PREC;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_GENSTATS_MODE;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_GENSTATS_SQSUMDESC;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_GENSTATS_SUMDESC;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_GENSTATS_XDESC;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_POINTWISE_BDESC;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_POINTWISE_XDESC;
import static dev.catena.driver.CudnnConstants.ATTR_OPERATION_POINTWISE_YDESC;
import static dev.catena.driver.CudnnConstants.ATTR_POINTWISE_MATH_PREC;
import static dev.catena.driver.CudnnConstants.ATTR_POINTWISE_MODE;
import static dev.catena.driver.CudnnConstants.ATTR_TENSOR_BYTE_ALIGNMENT;
import static dev.catena.driver.CudnnConstants.ATTR_TENSOR_DATA_TYPE;
import static dev.catena.driver.CudnnConstants.ATTR_TENSOR_DIMENSIONS;
import static dev.catena.driver.CudnnConstants.ATTR_TENSOR_IS_VIRTUAL;
import static dev.catena.driver.CudnnConstants.ATTR_TENSOR_STRIDES;
import static dev.catena.driver.CudnnConstants.ATTR_TENSOR_UNIQUE_ID;
import static dev.catena.driver.CudnnConstants.BACKEND_CONVOLUTION_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.BACKEND_OPERATIONGRAPH_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.BACKEND_OPERATION_GEN_STATS_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.BACKEND_OPERATION_POINTWISE_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.BACKEND_POINTWISE_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.BACKEND_TENSOR_DESCRIPTOR;
import static dev.catena.driver.CudnnConstants.CROSS_CORRELATION;
import static dev.catena.driver.CudnnConstants.DATA_BFLOAT16;
import static dev.catena.driver.CudnnConstants.DATA_FLOAT;
import static dev.catena.driver.CudnnConstants.DATA_HALF;
import static dev.catena.driver.CudnnConstants.GENSTATS_SUM_SQSUM;
import static dev.catena.driver.CudnnConstants.TYPE_CONVOLUTION_MODE;
import static dev.catena.driver.CudnnConstants.TYPE_DATA_TYPE;
import static dev.catena.driver.CudnnConstants.TYPE_GENSTATS_MODE;
import static dev.catena.driver.CudnnConstants.TYPE_POINTWISE_MODE;

import dev.catena.engine.cudnn.CudnnGraph.Convolution;
import dev.catena.engine.cudnn.CudnnGraph.Direction;
import dev.catena.engine.cudnn.CudnnGraph.Operation;
import dev.catena.engine.cudnn.CudnnGraph.Pointwise;
import dev.catena.engine.cudnn.CudnnGraph.Statistics;
import dev.catena.graph.DType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A {@link CudnnGraph} as native descriptors, all freed together. It names no device; heuristics
 * and plans do. For one thread at a time.
 */
final class CudnnLowering implements AutoCloseable {

  private final CudnnLibrary cudnn;
  private final List<CudnnDescriptor> owned = new ArrayList<>();
  private final Map<Long, CudnnDescriptor> tensors = new HashMap<>();
  private final CudnnDescriptor graph;

  /**
   * @throws CudnnException where cuDNN refuses the graph
   */
  CudnnLowering(CudnnLibrary cudnn, CudnnGraph graph) {
    this.cudnn = cudnn;
    try {
      List<CudnnDescriptor> operations = new ArrayList<>();
      for (Operation operation : graph.operations()) {
        operations.add(lower(operation));
      }
      this.graph =
          create(BACKEND_OPERATIONGRAPH_DESCRIPTOR)
              .setDescriptors(ATTR_OPERATIONGRAPH_OPS, operations)
              .finish();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** The finished operation graph. */
  CudnnDescriptor graph() {
    return graph;
  }

  static int dataType(DType dtype) {
    return switch (dtype) {
      case FP32 -> DATA_FLOAT;
      case FP16 -> DATA_HALF;
      case BF16 -> DATA_BFLOAT16;
    };
  }

  private CudnnDescriptor lower(Operation operation) {
    return switch (operation) {
      case Convolution c -> lower(c);
      case Pointwise p -> lower(p);
      case Statistics s -> lower(s);
    };
  }

  private CudnnDescriptor lower(Convolution c) {
    CudnnGraph.Window window = c.window();
    CudnnDescriptor convolution =
        create(BACKEND_CONVOLUTION_DESCRIPTOR)
            .setEnum(ATTR_CONVOLUTION_COMP_TYPE, TYPE_DATA_TYPE, DATA_FLOAT)
            .setEnum(ATTR_CONVOLUTION_CONV_MODE, TYPE_CONVOLUTION_MODE, CROSS_CORRELATION)
            .setLongs(ATTR_CONVOLUTION_SPATIAL_DIMS, 2)
            .setLongs(ATTR_CONVOLUTION_PRE_PADDINGS, window.padH(), window.padW())
            .setLongs(ATTR_CONVOLUTION_POST_PADDINGS, window.padH(), window.padW())
            .setLongs(ATTR_CONVOLUTION_DILATIONS, 1, 1)
            .setLongs(ATTR_CONVOLUTION_FILTER_STRIDES, window.strideH(), window.strideW())
            .finish();
    Numbers n = Numbers.of(c.direction());
    return create(n.descriptor)
        .setDescriptor(n.x, tensor(c.x()))
        .setDescriptor(n.w, tensor(c.w()))
        .setDescriptor(n.y, tensor(c.y()))
        .setDescriptor(n.convolution, convolution)
        .setFloat(n.alpha, 1)
        .setFloat(n.beta, 0)
        .finish();
  }

  private CudnnDescriptor lower(Pointwise p) {
    CudnnDescriptor mode =
        create(BACKEND_POINTWISE_DESCRIPTOR)
            .setEnum(ATTR_POINTWISE_MODE, TYPE_POINTWISE_MODE, p.mode().number)
            .setEnum(ATTR_POINTWISE_MATH_PREC, TYPE_DATA_TYPE, DATA_FLOAT)
            .finish();
    CudnnDescriptor operation =
        create(BACKEND_OPERATION_POINTWISE_DESCRIPTOR)
            .setDescriptor(ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, mode)
            .setDescriptor(ATTR_OPERATION_POINTWISE_XDESC, tensor(p.x()));
    if (p.b() != null) {
      operation.setDescriptor(ATTR_OPERATION_POINTWISE_BDESC, tensor(p.b()));
    }
    return operation.setDescriptor(ATTR_OPERATION_POINTWISE_YDESC, tensor(p.y())).finish();
  }

  private CudnnDescriptor lower(Statistics s) {
    return create(BACKEND_OPERATION_GEN_STATS_DESCRIPTOR)
        .setEnum(ATTR_OPERATION_GENSTATS_MODE, TYPE_GENSTATS_MODE, GENSTATS_SUM_SQSUM)
        .setEnum(ATTR_OPERATION_GENSTATS_MATH_PREC, TYPE_DATA_TYPE, DATA_FLOAT)
        .setDescriptor(ATTR_OPERATION_GENSTATS_XDESC, tensor(s.x()))
        .setDescriptor(ATTR_OPERATION_GENSTATS_SUMDESC, tensor(s.sum()))
        .setDescriptor(ATTR_OPERATION_GENSTATS_SQSUMDESC, tensor(s.sumOfSquares()))
        .finish();
  }

  /** One descriptor a tensor: operations that share it are joined by it. */
  private CudnnDescriptor tensor(CudnnTensor tensor) {
    CudnnDescriptor known = tensors.get(tensor.id());
    if (known != null) {
      return known;
    }
    CudnnDescriptor descriptor =
        create(BACKEND_TENSOR_DESCRIPTOR)
            .setEnum(ATTR_TENSOR_DATA_TYPE, TYPE_DATA_TYPE, dataType(tensor.dtype()))
            .setLongs(ATTR_TENSOR_DIMENSIONS, tensor.extent().toArray())
            .setLongs(ATTR_TENSOR_STRIDES, tensor.strides().toArray())
            .setLongs(ATTR_TENSOR_UNIQUE_ID, tensor.id())
            .setLongs(ATTR_TENSOR_BYTE_ALIGNMENT, tensor.alignment())
            .setBoolean(ATTR_TENSOR_IS_VIRTUAL, tensor.virtual())
            .finish();
    tensors.put(tensor.id(), descriptor);
    return descriptor;
  }

  private CudnnDescriptor create(int type) {
    CudnnDescriptor descriptor = new CudnnDescriptor(cudnn, type);
    owned.add(descriptor);
    return descriptor;
  }

  @Override
  public void close() {
    owned.reversed().forEach(CudnnDescriptor::close);
    owned.clear();
  }

  /** The three convolutions differ in nothing but their numbers. */
  private record Numbers(
      int descriptor, int x, int w, int y, int convolution, int alpha, int beta) {
    static Numbers of(Direction direction) {
      return switch (direction) {
        case FORWARD ->
            new Numbers(
                BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                ATTR_OPERATION_CONVOLUTION_FORWARD_BETA);
        case DATA ->
            new Numbers(
                BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA);
        case WEIGHTS ->
            new Numbers(
                BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA);
      };
    }
  }
}
