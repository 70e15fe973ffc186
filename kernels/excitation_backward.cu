// excitation_backward.cu: gradients of excitation.cu; that by x is scale_channels of g.
//
//   gate_backward:     dgate[n,c] = slope * sum_p g[n,p,c]*x[n,p,c]    slope: s*(1 - s), s = 1 / (1 + exp(-gate)), or 1
//   sigmoid_backward:  dx[p,c] = g[p,c]*y[p,c]*(1 - y[p,c])            y: what the sigmoid made
//
// All: views; gate and dgate are one pixel an image, gate null for a slope of 1. Sums are fp32, in a fixed order.
// Launch: element-wise (common.cuh), gate_backward over images. Bytes: two reads and a write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op gate-backward,sigmoid-backward
#include <cmath>

#include "common.cuh"

__device__ __forceinline__ Floats slope(Floats s) { return s * (filled(1.0f) - s); }

template <class T>
__device__ __forceinline__ void gate_backward(
    T* dgate, const T* g, const T* x, const T* gate, int images, int area, int channels, int dgate_pitch, int g_pitch,
    int x_pitch, int gate_pitch) {
  int n = my_pixel(), c = my_channel(), count = channels - c;
  if (n >= images || count <= 0) return;
  size_t first = size_t(n) * area;
  Floats sum = filled(0.0f);
#pragma unroll 4
  for (int p = 0; p < area; p++) {
    Floats gradient = widen(load(g + (first + p) * g_pitch + c, count));
    sum = fma(gradient, widen(load(x + (first + p) * x_pitch + c, count)), sum);
  }
  if (gate) {
    Floats s = widen(load(gate + size_t(n) * gate_pitch + c, count));
#pragma unroll
    for (int i = 0; i < VECTOR; i++) s[i] = 1.0f / (1.0f + expf(-s[i]));
    sum = sum * slope(s);
  }
  store(dgate + size_t(n) * dgate_pitch + c, narrow<T>(sum), count);
}

template <class T>
__device__ __forceinline__ void sigmoid_backward(
    T* dx, const T* g, const T* y, int pixels, int channels, int dx_pitch, int g_pitch, int y_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  Floats s = widen(load(y + size_t(p) * y_pitch + c, count));
  store(dx + size_t(p) * dx_pitch + c, narrow<T>(widen(load(g + size_t(p) * g_pitch + c, count)) * slope(s)), count);
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) gate_backward_##t(                                               \
      T* dgate, const T* g, const T* x, const T* gate, int images, int area, int channels, int dgate_pitch,          \
      int g_pitch, int x_pitch, int gate_pitch) {                                                                    \
    gate_backward(dgate, g, x, gate, images, area, channels, dgate_pitch, g_pitch, x_pitch, gate_pitch);             \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(gate_backward_##t)                                                                                \
  extern "C" __global__ void __launch_bounds__(256) sigmoid_backward_##t(                                            \
      T* dx, const T* g, const T* y, int pixels, int channels, int dx_pitch, int g_pitch, int y_pitch) {             \
    sigmoid_backward(dx, g, y, pixels, channels, dx_pitch, g_pitch, y_pitch);                                        \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(sigmoid_backward_##t)
FOR_EACH_DTYPE(KERNELS)
