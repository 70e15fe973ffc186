// linear.cu: the classifier.
//
//   y[m,n] = sum_k x[m,k] * w[n,k] + bias[n]        any M, N, K
//
// x: view of M x K; y: view of M x N; w: N x K, K rounded up to 8 and zero-filled; bias fp32, may be null.
// A warp makes one column of eight rows: its lanes share the sum, so that one image too reads w at full width.
// Launch: block (32, 4), grid (N / 4, M / 8), rounded up.
// FLOP: 2*M*N*K. Bytes: w once for each eight rows, x N times from the caches, y once.
// Check: java -m dev.catena/dev.catena.conformance.Main --op linear --engine kernel
#include "common.cuh"

constexpr int ROWS = 8;

template <class T>
struct Linear {
  View<T> y;
  View<const T> x;
  const T* w;
  const float* bias;
  int rows, outputs, channels;

  __device__ __forceinline__ void multiply() const {
    int n = int(blockIdx.x * blockDim.y + threadIdx.y), m0 = int(blockIdx.y) * ROWS, lane = threadIdx.x;
    if (n >= outputs) return;
    const T* filter = w + size_t(n) * ((channels + VECTOR - 1) / VECTOR * VECTOR);
    float sum[ROWS] = {};
    for (int k = VECTOR * lane; k < channels; k += VECTOR * 32) {
      Floats f = widen(load_aligned(filter + k));
#pragma unroll
      for (int i = 0; i < ROWS; i++) {
        if (m0 + i >= rows) break;
        Floats v = widen(load(x.at(m0 + i, k), channels - k));
#pragma unroll
        for (int j = 0; j < VECTOR; j++) sum[i] = fmaf(v[j], f[j], sum[i]);
      }
    }
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
#pragma unroll
      for (int with = 16; with > 0; with /= 2) sum[i] += __shfl_xor_sync(~0u, sum[i], with);
      if (lane == i && m0 + i < rows) *y.at(m0 + i, n) = from_float<T>(bias ? sum[i] + bias[n] : sum[i]);
    }
  }
};

KERNELS(linear, FIBERS, (128), Linear, multiply)
