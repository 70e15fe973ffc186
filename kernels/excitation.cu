// excitation.cu: the end of a squeeze-and-excitation block, fused with the addition and the ReLU of its residual block.
//
//   scale_channels:  y[n,p,c] = relu?( x[n,p,c] * g(n,c) + residual[n,p,c] )      g = gate or 1 / (1 + exp(-gate))
//   sigmoid:         y[p,c]   = 1 / (1 + exp(-x[p,c]))
//
// x, y, residual: views; gate: one pixel an image; residual may be null. y may be x or residual.
// Launch: element-wise (common.cuh). Bytes: two or three reads and a write of a value; the gate comes from the cache.
// Check: java -m dev.catena/dev.catena.conformance.Main --op scale-channels,sigmoid
#include <cmath>

#include "common.cuh"

__device__ __forceinline__ Floats sigmoid(Floats v) {
#pragma unroll
  for (int i = 0; i < VECTOR; i++) v[i] = 1.0f / (1.0f + expf(-v[i]));
  return v;
}

template <class T>
__device__ __forceinline__ void scale_channels(
    T* y, const T* x, const T* gate, const T* residual, int squash, int rectify, int pixels, int area, int channels,
    int y_pitch, int x_pitch, int gate_pitch, int residual_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  Floats g = widen(load(gate + size_t(p / area) * gate_pitch + c, count));
  Floats r = residual ? widen(load(residual + size_t(p) * residual_pitch + c, count)) : filled(0.0f);
  Floats v = fma(widen(load(x + size_t(p) * x_pitch + c, count)), squash ? sigmoid(g) : g, r);
  store(y + size_t(p) * y_pitch + c, narrow<T>(rectify ? relu(v) : v), count);
}

template <class T>
__device__ __forceinline__ void sigmoid(T* y, const T* x, int pixels, int channels, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  store(y + size_t(p) * y_pitch + c, narrow<T>(sigmoid(widen(load(x + size_t(p) * x_pitch + c, count)))), count);
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) scale_channels_##t(                                              \
      T* y, const T* x, const T* gate, const T* residual, int squash, int rectify, int pixels, int area,             \
      int channels, int y_pitch, int x_pitch, int gate_pitch, int residual_pitch) {                                  \
    scale_channels(y, x, gate, residual, squash, rectify, pixels, area, channels, y_pitch, x_pitch, gate_pitch,      \
                   residual_pitch);                                                                                  \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(scale_channels_##t)                                                                               \
  extern "C" __global__ void __launch_bounds__(256) sigmoid_##t(                                                     \
      T* y, const T* x, int pixels, int channels, int y_pitch, int x_pitch) {                                        \
    sigmoid(y, x, pixels, channels, y_pitch, x_pitch);                                                               \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(sigmoid_##t)
FOR_EACH_DTYPE(KERNELS)
