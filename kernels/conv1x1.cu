// conv1x1.cu: the bottleneck of a dense layer and every other 1x1 convolution, with BN-ReLU on the way in and bias-ReLU
// on the way out.
//
//   y[m,k] = relu?( sum_c relu?(scale[c]*x[m,c] + shift[c]) * w[k,c] + bias[k] )      null scale: x as it is
//
// x, y: views, y packed or a slice; w: K x C, C rounded up to 8 and zero-filled; scale, shift, bias fp32; bias may be
// null. stride > 1 (a projection shortcut) takes every stride-th pixel.
// Launch: block 256, grid (pixels / 64, K / 128), rounded up: one block makes all 4k outputs of a dense layer.
// FLOP: 2*pixels*C*K. Bytes: x once for each 128 of K, w once for each 64 pixels (from L2), y once.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv --engine kernel
#include "implicit_gemm.cuh"

#define KERNEL(T, t)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(256, 2) conv1x1_##t(                                                  \
      T* y, const T* x, const T* w, const float* scale, const float* shift, const float* bias, int rectify_input,    \
      int rectify, int images, int height, int width, int out_height, int out_width, int stride, int channels,       \
      int outputs, int y_pitch, int x_pitch) {                                                                       \
    implicit_gemm<T, 1, 2, 4>(y, x, w, Prologue{scale, shift, rectify_input}, Epilogue{bias, rectify},               \
                              ConvShape{images, height, width, out_height, out_width, stride, channels, outputs,     \
                                        y_pitch, x_pitch});                                                          \
  }
FOR_EACH_DTYPE(KERNEL)

HOST_KERNEL_FIBERS(conv1x1_f32)
HOST_KERNEL_FIBERS(conv1x1_f16)
HOST_KERNEL_FIBERS(conv1x1_bf16)
