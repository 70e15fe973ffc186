// conv3x3.cu: the 3x3 convolution of a dense layer and of residual blocks, padding 1, with BN-ReLU on the way in and
// bias-ReLU on the way out.
//
//   y[n,oh,ow,k] = relu?( sum_{r,s,c} z[n, oh*stride - 1 + r, ow*stride - 1 + s, c] * w[k,r,s,c] + bias[k] )
//   z = relu?(scale[c]*x + shift[c]) inside the image, 0 outside (padding is zero after the activation)
//
// x, y: views, y usually the layer's slice of the block's buffer; w: KRSC, C rounded up to 8 and zero-filled; null
// scale: z = x; bias may be null.
// Launch: block 128, grid (pixels / 128, K / 32), rounded up: one block makes all k outputs of a dense layer.
// FLOP: 18*pixels*C*K. Bytes: x nine times from the caches, about once from memory; w once for each 128 pixels (L2).
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv --engine kernel
#include "implicit_gemm.cuh"

#define KERNEL(T, t)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(128, 3) conv3x3_##t(                                                  \
      T* y, const T* x, const T* w, const float* scale, const float* shift, const float* bias, int rectify_input,    \
      int rectify, int images, int height, int width, int out_height, int out_width, int stride, int channels,       \
      int outputs, int y_pitch, int x_pitch) {                                                                       \
    implicit_gemm<T, 3, 4, 1>(y, x, w, Prologue{scale, shift, rectify_input}, Epilogue{bias, rectify},               \
                              ConvShape{images, height, width, out_height, out_width, stride, channels, outputs,     \
                                        y_pitch, x_pitch});                                                          \
  }
FOR_EACH_DTYPE(KERNEL)

HOST_KERNEL_FIBERS(conv3x3_f32)
HOST_KERNEL_FIBERS(conv3x3_f16)
HOST_KERNEL_FIBERS(conv3x3_bf16)
