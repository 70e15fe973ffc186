// fused_adds.cuh: the matrix product of patch.cuh on the fp32 units, for fp32 and for bf16 on sm_75: one stage of shared
// memory, two barriers a step. A thread makes 4 x 8.
#pragma once
#include "patch.cuh"

// leave(m, k, eight sums): what becomes of them. A thread has eight k, those of its threadIdx.x modulo COLUMNS / 8.
template <class T, int EDGE, int WARPS_M, int WARPS_N, class Leave>
__device__ __forceinline__ void fused_adds(
    const T* x, const T* w, const Prologue& prologue, const ConvShape& shape, Leave leave) {
  constexpr int ROWS = 32 * WARPS_M, COLUMNS = 32 * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N;
  constexpr int M = 4, N = 8, FILTERS = COLUMNS * VECTORS / THREADS;
  __shared__ __align__(16) float zs[DEPTH][ROWS + 4], ws[DEPTH][COLUMNS + 4];

  int first_row = int(blockIdx.x) * ROWS, first_column = int(blockIdx.y) * COLUMNS;
  int my_row = int(threadIdx.x) / (COLUMNS / N) * M, my_column = int(threadIdx.x) % (COLUMNS / N) * N;
  size_t filter = size_t(EDGE * EDGE) * shape.channels8();

  Patch<T, EDGE, ROWS, THREADS> patch(x, shape, first_row);
  Vector<T> filters[FILTERS];
  auto fetch = [&](const Step<EDGE>& step) {
    patch.fetch(shape, step);
#pragma unroll
    for (int i = 0; i < FILTERS; i++) {
      int at = int(threadIdx.x) + i * THREADS;
      int k = first_column + at / VECTORS, channel = step.channel + at % VECTORS * VECTOR;
      bool exists = k < shape.outputs && channel < shape.channels;
      const T* from = w + (exists ? k * filter + size_t(step.tap()) * shape.channels8() + channel : 0);
      filters[i] = load(from, exists ? VECTOR : 0);
    }
  };

  float acc[M][N] = {};
  Step<EDGE> step;
  fetch(step);
  while (!step.done()) {
    __syncthreads();
    patch.stage(prologue, [&](int row, int column, const Vector<T>& z) {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) zs[column + i][row] = to_float(z[i]);
    });
#pragma unroll
    for (int i = 0; i < FILTERS; i++) {
      int at = int(threadIdx.x) + i * THREADS;
#pragma unroll
      for (int j = 0; j < VECTOR; j++) ws[at % VECTORS * VECTOR + j][at / VECTORS] = to_float(filters[i][j]);
    }
    __syncthreads();
    step = step.next(shape.channels);
    if (!step.done()) fetch(step);
#pragma unroll 4
    for (int k = 0; k < DEPTH; k++) {
      float4 a = *reinterpret_cast<const float4*>(&zs[k][my_row]);
      Vector<float> b = load_aligned(&ws[k][my_column]);
      float rows[M] = {a.x, a.y, a.z, a.w};
#pragma unroll
      for (int i = 0; i < M; i++) {
#pragma unroll
        for (int j = 0; j < N; j++) acc[i][j] = fmaf(rows[i], b[j], acc[i][j]);
      }
    }
  }

  int k = first_column + my_column;
  if (k >= shape.outputs) return;
#pragma unroll
  for (int i = 0; i < M; i++) {
    int m = first_row + my_row + i;
    if (m >= shape.pixels()) return;
    leave(m, k, acc[i]);
  }
}
