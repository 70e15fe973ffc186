// pool.cu: the largest or the mean value of each window.
//
//   max_pool:        y[n,oh,ow,c] = max  x[n,h,w,c]           over the window's pixels; padding is ignored, NaN wins
//   average_pool:    y[n,oh,ow,c] = sum x[n,h,w,c] / cells    cells: the pixels that the window has, or, with
//                                                             include_pad, those and the padding that it covers
//   global_average:  y[n,c]       = sum x[n,i,c] / area
//
// The window of (oh,ow) begins at (oh*stride - pad, ow*stride - pad). The last may be partial (ceil mode): it is the
// caller's choice of the output's size. Sums are fp32, in a fixed order, without barriers.
// Launch: element-wise over output pixels (common.cuh); global_average over images.
// Bytes: one read of x (overlaps come from the cache), one write of y.
// Check: java -m dev.catena/dev.catena.conformance.Main --op max-pool,average-pool,global-average
#include "pool.cuh"

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) max_pool_##t(                                                    \
      T* y, const T* x, int images, int height, int width, int out_height, int out_width, int kernel, int stride,    \
      int pad, int channels, int y_pitch, int x_pitch) {                                                             \
    max_pool<Identity>(y, x, nullptr, nullptr, 0, images, Image{height, width}, Image{out_height, out_width},        \
                       kernel, stride, pad, channels, y_pitch, x_pitch);                                             \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) average_pool_##t(                                                \
      T* y, const T* x, int images, int height, int width, int out_height, int out_width, int kernel, int stride,    \
      int pad, int include_pad, int channels, int y_pitch, int x_pitch) {                                            \
    average_pool<Identity>(y, x, nullptr, nullptr, 0, images, Image{height, width}, Image{out_height, out_width},    \
                           kernel, stride, pad, include_pad, channels, y_pitch, x_pitch);                            \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) global_average_##t(                                              \
      T* y, const T* x, int images, int area, int channels, int y_pitch, int x_pitch) {                              \
    global_average<Identity>(y, x, nullptr, nullptr, 0, images, area, channels, y_pitch, x_pitch);                   \
  }
FOR_EACH_DTYPE(KERNELS)

HOST_KERNEL_LOOP(max_pool_f32)
HOST_KERNEL_LOOP(max_pool_f16)
HOST_KERNEL_LOOP(max_pool_bf16)
HOST_KERNEL_LOOP(average_pool_f32)
HOST_KERNEL_LOOP(average_pool_f16)
HOST_KERNEL_LOOP(average_pool_bf16)
HOST_KERNEL_LOOP(global_average_f32)
HOST_KERNEL_LOOP(global_average_f16)
HOST_KERNEL_LOOP(global_average_bf16)
