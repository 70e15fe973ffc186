// tensor_cores.cuh: the matrix product of patch.cuh in fp16, and from sm_80 on in bf16: ldmatrix and mma, two stages of
// shared memory, w by cp.async, one barrier a step. A warp makes 32 x 32.
#pragma once
#include "patch.cuh"

template <class T, int EDGE, int WARPS_M, int WARPS_N>
__device__ __forceinline__ void tensor_cores(
    T* y, const T* x, const T* w, Prologue prologue, Epilogue<T> epilogue, ConvShape shape) {
  constexpr int ROWS = 32 * WARPS_M, COLUMNS = 32 * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N;
  constexpr int LINE = DEPTH + 8;  // 80 bytes: the eight rows of an ldmatrix tile fall into different banks
  __shared__ __align__(16) T zs[2][ROWS][LINE], ws[2][COLUMNS][LINE];

  int first_row = int(blockIdx.x) * ROWS, first_column = int(blockIdx.y) * COLUMNS;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int warp_row = warp % WARPS_M * 32, warp_column = warp / WARPS_M * 32;
  size_t filter = size_t(EDGE * EDGE) * shape.channels8();

  Patch<T, EDGE, ROWS, THREADS> patch(x, shape, first_row);
  auto put_patch = [&](int stage) {
    patch.stage(prologue, [&](int row, int column, const Vector<T>& z) {
      store_aligned(&zs[stage][row][column], z);
    });
  };
  auto copy_filters = [&](int stage, const Step<EDGE>& step) {
#pragma unroll
    for (int i = 0; i < COLUMNS * VECTORS / THREADS; i++) {
      int at = int(threadIdx.x) + i * THREADS, column = at / VECTORS, c = at % VECTORS * VECTOR;
      int k = first_column + column, channel = step.channel + c;
      bool exists = k < shape.outputs && channel < shape.channels;
      const T* from = w + (exists ? k * filter + size_t(step.tap()) * shape.channels8() + channel : 0);
      cp_async16(&ws[stage][column][c], from, exists ? 16 : 0);
    }
    cp_async_commit();
  };

  float acc[2][4][4] = {};
  Step<EDGE> step;
  copy_filters(0, step);
  patch.fetch(shape, step);
  put_patch(0);
  cp_async_wait<0>();
  __syncthreads();

  for (int stage = 0; !step.done(); stage ^= 1) {
    Step<EDGE> next = step.next(shape.channels);
    if (!next.done()) {
      copy_filters(stage ^ 1, next);
      patch.fetch(shape, next);
    }
#pragma unroll
    for (int k = 0; k < DEPTH; k += 16) {
      uint32_t a[2][4], b[2][4];  // b[j]: column tiles 2j and 2j + 1, two registers each
#pragma unroll
      for (int i = 0; i < 2; i++) ldmatrix_x4(a[i], &zs[stage][warp_row + 16 * i + lane % 16][k + lane / 16 * 8]);
#pragma unroll
      for (int j = 0; j < 2; j++) {
        ldmatrix_x4(b[j], &ws[stage][warp_column + 16 * j + lane / 16 * 8 + lane % 8][k + lane / 8 % 2 * 8]);
      }
#pragma unroll
      for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) mma_m16n8k16<T>(acc[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
      }
    }
    if (!next.done()) put_patch(stage ^ 1);
    cp_async_wait<0>();
    __syncthreads();
    step = next;
  }

  // acc[i][j] = {(g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)} of tile (i, j), g = lane / 4, t = lane % 4.
  bool pairs = aligned<2 * sizeof(T)>(y);
#pragma unroll
  for (int i = 0; i < 2; i++) {
#pragma unroll
    for (int half_tile = 0; half_tile < 2; half_tile++) {
      int m = first_row + warp_row + 16 * i + 8 * half_tile + lane / 4;
      if (m >= shape.pixels()) continue;
      T* row = y + size_t(m) * shape.y_pitch;
#pragma unroll
      for (int j = 0; j < 4; j++) {
        int k = first_column + warp_column + 8 * j + lane % 4 * 2;
        if (k >= shape.outputs) continue;
        bool both = k + 1 < shape.outputs;
        float r0 = epilogue.residual ? to_float(*epilogue.residual.at(m, k)) : 0.0f;
        float r1 = epilogue.residual && both ? to_float(*epilogue.residual.at(m, k + 1)) : 0.0f;
        T v0 = from_float<T>(epilogue(acc[i][j][2 * half_tile], k, r0));
        T v1 = from_float<T>(both ? epilogue(acc[i][j][2 * half_tile + 1], k + 1, r1) : 0.0f);
        store_pair(row + k, v0, v1, both, pairs);
      }
    }
  }
}
