// softmax.cu: probabilities from logits.
//
//   y[m,c] = exp(x[m,c] - max_c x[m,c]) / sum_c exp(x[m,c] - max_c x[m,c])
//
// x, y: views of `rows` x `channels`; y may be x. Sums in fp32; a NaN or +infinity in a row makes the row NaN.
// Two forms: `softmax`, a warp a row, block (32, 4), grid (rows / 4), rounded up; `softmax_rows`, a thread a row,
// without barriers, for the CPU: block (1), grid (rows).
// Bytes: three reads (two from the caches), one write.
// Check: mvn -Dtest=SoftmaxKernelTest test
#include <cmath>

#include "common.cuh"

template <class T>
struct Softmax {
  View<T> y;
  View<const T> x;
  int rows, channels;

  // LANES threads share a row: 32 of a warp, or 1.
  template <int LANES>
  __device__ __forceinline__ void row() const {
    int row = int(blockIdx.x * blockDim.y + threadIdx.y), lane = LANES > 1 ? int(threadIdx.x) : 0;
    if (row >= rows) return;
    const T* from = x.at(row, 0);
    T* to = y.at(row, 0);
    float largest = -INFINITY, sum = 0.0f;
    for (int c = lane; c < channels; c += LANES) largest = fmaxf(largest, to_float(from[c]));
    if constexpr (LANES > 1) {
#pragma unroll
      for (int with = LANES / 2; with > 0; with /= 2) largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, with));
    }
    for (int c = lane; c < channels; c += LANES) sum += expf(to_float(from[c]) - largest);
    if constexpr (LANES > 1) {
#pragma unroll
      for (int with = LANES / 2; with > 0; with /= 2) sum += __shfl_xor_sync(~0u, sum, with);
    }
    for (int c = lane; c < channels; c += LANES) to[c] = from_float<T>(expf(to_float(from[c]) - largest) / sum);
  }
};

KERNELS(softmax, FIBERS, (128), Softmax, row<32>)
KERNELS(softmax_rows, LOOP, (32), Softmax, row<1>)
