// scale_shift_pool.cu: BN-ReLU and the pool behind it in one pass; the normalised tensor never exists.
//
//   z = relu?(scale[c]*x + shift[c]), then as pool.cu on z
//
//   scale_shift_average_pool    a DenseNet transition, pooled before its 1x1: a quarter of the pixels are convolved
//   scale_shift_max_pool        an ImageNet stem
//   scale_shift_global_average  the end of a DenseNet
//
// Launch: element-wise over output pixels (common.cuh); the global average over images.
// Bytes: one read of x, one write of y (a quarter of x for the transition). FLOP: 3 a value read.
// Check: java -m dev.catena/dev.catena.conformance.Main --op max-pool,average-pool,global-average
#include "pool.cuh"

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) scale_shift_max_pool_##t(                                        \
      T* y, const T* x, const float* scale, const float* shift, int rectify, int images, int height, int width,      \
      int out_height, int out_width, int kernel, int stride, int pad, int channels, int y_pitch, int x_pitch) {      \
    max_pool<ScaleShift>(y, x, scale, shift, rectify, images, Image{height, width}, Image{out_height, out_width},    \
                         kernel, stride, pad, channels, y_pitch, x_pitch);                                           \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) scale_shift_average_pool_##t(                                    \
      T* y, const T* x, const float* scale, const float* shift, int rectify, int images, int height, int width,      \
      int out_height, int out_width, int kernel, int stride, int pad, int include_pad, int channels, int y_pitch,    \
      int x_pitch) {                                                                                                 \
    average_pool<ScaleShift>(y, x, scale, shift, rectify, images, Image{height, width},                              \
                             Image{out_height, out_width}, kernel, stride, pad, include_pad, channels, y_pitch,      \
                             x_pitch);                                                                               \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) scale_shift_global_average_##t(                                  \
      T* y, const T* x, const float* scale, const float* shift, int rectify, int images, int area, int channels,     \
      int y_pitch, int x_pitch) {                                                                                    \
    global_average<ScaleShift>(y, x, scale, shift, rectify, images, area, channels, y_pitch, x_pitch);               \
  }
FOR_EACH_DTYPE(KERNELS)

HOST_KERNEL_LOOP(scale_shift_max_pool_f32)
HOST_KERNEL_LOOP(scale_shift_max_pool_f16)
HOST_KERNEL_LOOP(scale_shift_max_pool_bf16)
HOST_KERNEL_LOOP(scale_shift_average_pool_f32)
HOST_KERNEL_LOOP(scale_shift_average_pool_f16)
HOST_KERNEL_LOOP(scale_shift_average_pool_bf16)
HOST_KERNEL_LOOP(scale_shift_global_average_f32)
HOST_KERNEL_LOOP(scale_shift_global_average_f16)
HOST_KERNEL_LOOP(scale_shift_global_average_bf16)
