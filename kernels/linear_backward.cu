// linear_backward.cu: the gradients of the classifier.
//
//   linear_dgrad   y[m,c]  = a?[m,c] + sum_k g[m,k]*w[k,c]
//   linear_wgrad   dw[k,c] = sum_m g[m,k]*x[m,c]              fp32
//
// g: view of rows x outputs; x, y, a: views of rows x channels; w, dw: views of outputs x channels (the padding of dw is
// not written). y may be a. A thread makes eight channels of four rows of the result, in a fixed order.
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
struct LinearDgrad {
  View<T> y;
  View<const T> g, w, a;
  int rows, outputs, channels;

  __device__ __forceinline__ void multiply() const {
    int m = ROWS * my_pixel(), c = my_channel(), count = channels - c;
    if (m >= rows || count <= 0) return;
    Floats sums[ROWS];
    auto left = [&](int i, int k) { return to_float(*g.at(min(m + i, rows - 1), k)); };
    products(sums, left, w.at(0, c), outputs, w.pitch, count);
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
      if (m + i < rows) {
        if (a) sums[i] = sums[i] + widen(load(a.at(m + i, c), count));
        store(y.at(m + i, c), narrow<T>(sums[i]), count);
      }
    }
  }
};

template <class T>
struct LinearWgrad {
  View<float> dw;
  View<const T> g, x;
  int rows, outputs, channels;

  __device__ __forceinline__ void multiply() const {
    int k = ROWS * my_pixel(), c = my_channel(), count = channels - c;
    if (k >= outputs || count <= 0) return;
    Floats sums[ROWS];
    auto left = [&](int i, int m) { return to_float(*g.at(m, min(k + i, outputs - 1))); };
    products(sums, left, x.at(0, c), rows, x.pitch, count);
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
      if (k + i < outputs) store(dw.at(k + i, c), narrow<float>(sums[i]), count);
    }
  }
};

KERNELS(linear_dgrad, LOOP, (256), LinearDgrad, multiply)
KERNELS(linear_wgrad, LOOP, (256), LinearWgrad, multiply)
