// linear_backward.cu: the gradients of the classifier.
//
//   linear_dgrad   y[m,c]  = a?[m,c] + sum_k g[m,k]*w[k,c]
//   linear_wgrad   dw[k,c] = sum_m g[m,k]*x[m,c]              fp32
//
// g: view of rows x outputs; x, y, a: views of rows x channels; w, dw: outputs x channels, `w_pitch` a row (the padding
// of dw is not written). y may be a. A thread makes eight channels of four rows of the result, in a fixed order.
// Launch: element-wise (common.cuh), four rows of the result being a pixel. FLOP: 2*rows*outputs*channels.
// Check: java -m dev.catena/dev.catena.conformance.Main --op linear-dgrad,linear-wgrad
#include "common.cuh"

constexpr int ROWS = 4;

// sums[i] = sum over j < depth of left(i, j) * right[j], right being rows of `pitch`.
template <class R, class Left>
__device__ __forceinline__ void products(
    Floats (&sums)[ROWS], Left left, const R* right, int depth, int pitch, int count) {
#pragma unroll
  for (int i = 0; i < ROWS; i++) sums[i] = filled(0.0f);
#pragma unroll 2
  for (int j = 0; j < depth; j++) {
    Floats r = widen(load(right + size_t(j) * pitch, count));
#pragma unroll
    for (int i = 0; i < ROWS; i++) sums[i] = fma(filled(left(i, j)), r, sums[i]);
  }
}

template <class T>
__device__ __forceinline__ void linear_dgrad(
    T* y, const T* g, const T* w, const T* a, int rows, int outputs, int channels, int y_pitch, int g_pitch,
    int w_pitch, int a_pitch) {
  int m = ROWS * my_pixel(), c = my_channel(), count = channels - c;
  if (m >= rows || count <= 0) return;
  Floats sums[ROWS];
  auto left = [&](int i, int k) { return to_float(g[size_t(min(m + i, rows - 1)) * g_pitch + k]); };
  products(sums, left, w + c, outputs, w_pitch, count);
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
    if (m + i < rows) {
      if (a) sums[i] = sums[i] + widen(load(a + size_t(m + i) * a_pitch + c, count));
      store(y + size_t(m + i) * y_pitch + c, narrow<T>(sums[i]), count);
    }
  }
}

template <class T>
__device__ __forceinline__ void linear_wgrad(
    float* dw, const T* g, const T* x, int rows, int outputs, int channels, int w_pitch, int g_pitch, int x_pitch) {
  int k = ROWS * my_pixel(), c = my_channel(), count = channels - c;
  if (k >= outputs || count <= 0) return;
  Floats sums[ROWS];
  auto left = [&](int i, int m) { return to_float(g[size_t(m) * g_pitch + min(k + i, outputs - 1)]); };
  products(sums, left, x + c, rows, x_pitch, count);
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
    if (k + i < outputs) store(dw + size_t(k + i) * w_pitch + c, narrow<float>(sums[i]), count);
  }
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) linear_dgrad_##t(                                                \
      T* y, const T* g, const T* w, const T* a, int rows, int outputs, int channels, int y_pitch, int g_pitch,       \
      int w_pitch, int a_pitch) {                                                                                    \
    linear_dgrad(y, g, w, a, rows, outputs, channels, y_pitch, g_pitch, w_pitch, a_pitch);                           \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) linear_wgrad_##t(                                                \
      float* dw, const T* g, const T* x, int rows, int outputs, int channels, int w_pitch, int g_pitch,              \
      int x_pitch) {                                                                                                 \
    linear_wgrad(dw, g, x, rows, outputs, channels, w_pitch, g_pitch, x_pitch);                                      \
  }
FOR_EACH_DTYPE(KERNELS)

HOST_KERNEL_LOOP(linear_dgrad_f32)
HOST_KERNEL_LOOP(linear_dgrad_f16)
HOST_KERNEL_LOOP(linear_dgrad_bf16)
HOST_KERNEL_LOOP(linear_wgrad_f32)
HOST_KERNEL_LOOP(linear_wgrad_f16)
HOST_KERNEL_LOOP(linear_wgrad_bf16)
