// block_sums.cuh: the sums of a block's threads by channel, added up in the order of the threads. Shared by the
// epilogues of pipeline.cuh and gradient.cuh.
//
// A thread has two sums of eight channels each, of the vector threadIdx.x modulo COLUMNS / 8. In shared memory each half
// of a sum, four channels, lies beside those of the other threads: a warp writes 16 bytes a thread in a row, and the
// gap of four threads between the halves lets it read 32 channels from 32 banks.
#pragma once
#include "common.cuh"

template <int COLUMNS, int THREADS>
struct BlockSums {
  static constexpr int ACROSS = COLUMNS / VECTOR, ROWS = THREADS / ACROSS;
  static constexpr int HALF = 4 * (THREADS + 4), FLOATS = 4 * HALF;
  float* shared;  // FLOATS of them, aligned to 16 bytes

  // Stores this thread's sums; a barrier has to follow.
  __device__ __forceinline__ void put(Floats first, Floats second) const {
    if (int(threadIdx.x) >= ROWS * ACROSS) return;
    Vector<float> sums[2] = {narrow<float>(first), narrow<float>(second)};
    float* to = shared + 4 * threadIdx.x;
#pragma unroll
    for (int i = 0; i < 4; i++) move<4 * sizeof(float)>(to + i * HALF, sums[i / 2].v + i % 2 * 4);
  }

  // The first or the second sum of the block's channel `column`, `which` 0 or 1.
  __device__ __forceinline__ float total(int which, int column) const {
    const float* from = shared + (2 * which + column % VECTOR / 4) * HALF + column / VECTOR * 4 + column % 4;
    float sum = 0.0f;
    for (int row = 0; row < ROWS; row++) sum += from[row * (4 * ACROSS)];
    return sum;
  }
};
