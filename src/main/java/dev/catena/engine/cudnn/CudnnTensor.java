package dev.catena.engine.cudnn;

import dev.catena.driver.CudnnAttribute;
import dev.catena.driver.CudnnConstants;
import dev.catena.engine.cudnn.CudnnTable.Row;
import dev.catena.graph.DType;
import java.util.List;

/**
 * A tensor as cuDNN describes it: extents always in the order N, C, H, W (weights: K, C, R, S), the
 * layout in the strides, counted in elements.
 *
 * @param id unique within a graph; what an execution's pointers are named by
 * @param alignment of the address, bytes
 * @param virtual an intermediate value that has no memory
 */
record CudnnTensor(
    long id, DType dtype, List<Long> extent, List<Long> strides, int alignment, boolean virtual) {
  static final int ALIGNMENT = 16;

  /** Channels innermost, {@code pitch} elements from one pixel to the next. */
  static CudnnTensor nhwc(
      long id, DType dtype, long n, long h, long w, long c, long pitch, int alignment) {
    return new CudnnTensor(
        id,
        dtype,
        List.of(n, c, h, w),
        List.of(h * w * pitch, 1L, w * pitch, pitch),
        alignment,
        false);
  }

  /** Weights: output channel, kernel row, kernel column, input channel; no gaps. */
  static CudnnTensor krsc(long id, DType dtype, long k, long r, long s, long c) {
    return nhwc(id, dtype, k, r, s, c, c, ALIGNMENT);
  }

  /** One value a channel. */
  static CudnnTensor channels(long id, DType dtype, long c) {
    return krsc(id, dtype, 1, 1, 1, c);
  }

  /** The same shape as an intermediate value in fp32. */
  CudnnTensor intermediate(long newId) {
    return new CudnnTensor(newId, DType.FP32, extent, strides, ALIGNMENT, true);
  }

  long channels() {
    return extent.get(1);
  }

  CudnnTable table() {
    int type =
        switch (dtype) {
          case FP32 -> CudnnConstants.DATA_FLOAT;
          case FP16 -> CudnnConstants.DATA_HALF;
          case BF16 -> CudnnConstants.DATA_BFLOAT16;
        };
    return new CudnnTable(
        CudnnConstants.BACKEND_TENSOR_DESCRIPTOR,
        new Row(CudnnAttribute.TENSOR_DATA_TYPE, type),
        new Row(CudnnAttribute.TENSOR_DIMENSIONS, extent, List.of()),
        new Row(CudnnAttribute.TENSOR_STRIDES, strides, List.of()),
        new Row(CudnnAttribute.TENSOR_UNIQUE_ID, id),
        new Row(CudnnAttribute.TENSOR_BYTE_ALIGNMENT, alignment),
        new Row(CudnnAttribute.TENSOR_IS_VIRTUAL, virtual ? 1 : 0));
  }
}
