package dev.catena.engine.cudnn;

import dev.catena.graph.DType;

/**
 * A tensor as cuDNN describes it: extents always in the order N, C, H, W (weights: K, C, R, S), the
 * layout in the strides, counted in elements.
 *
 * @param id unique within a graph; what an execution's pointers are named by
 * @param alignment of the address, bytes
 * @param virtual an intermediate value that has no memory
 */
record CudnnTensor(
    long id, DType dtype, Extent extent, Extent strides, int alignment, boolean virtual) {

  /** Four numbers in the order N, C, H, W. */
  record Extent(long n, long c, long h, long w) {
    long[] toArray() {
      return new long[] {n, c, h, w};
    }

    @Override
    public String toString() {
      return n + "," + c + "," + h + "," + w;
    }
  }

  static final int ALIGNMENT = 16;

  /** Channels innermost, {@code pitch} elements from one pixel to the next. */
  static CudnnTensor nhwc(
      long id, DType dtype, long n, long h, long w, long c, long pitch, int alignment) {
    return new CudnnTensor(
        id,
        dtype,
        new Extent(n, c, h, w),
        new Extent(h * w * pitch, 1, w * pitch, pitch),
        alignment,
        false);
  }

  /** Channels innermost, without gaps. */
  static CudnnTensor nhwc(long id, DType dtype, long n, long h, long w, long c) {
    return nhwc(id, dtype, n, h, w, c, c, ALIGNMENT);
  }

  static CudnnTensor nchw(long id, DType dtype, long n, long h, long w, long c) {
    return new CudnnTensor(
        id, dtype, new Extent(n, c, h, w), new Extent(c * h * w, h * w, w, 1), ALIGNMENT, false);
  }

  /** Weights: output channel, kernel row, kernel column, input channel; no gaps. */
  static CudnnTensor krsc(long id, DType dtype, long k, long r, long s, long c) {
    return nhwc(id, dtype, k, r, s, c);
  }

  /** One value a channel. */
  static CudnnTensor channels(long id, DType dtype, long c) {
    return nhwc(id, dtype, 1, 1, 1, c);
  }

  /** The same shape as an intermediate value of another type. */
  CudnnTensor intermediate(long id, DType dtype) {
    return new CudnnTensor(id, dtype, extent, strides, ALIGNMENT, true);
  }

  @Override
  public String toString() {
    return (virtual ? "%" : "#")
        + id
        + dtype.suffix()
        + "["
        + extent
        + ":"
        + strides
        + "@"
        + alignment
        + "]";
  }
}
