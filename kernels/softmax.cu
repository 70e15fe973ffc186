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

// LANES threads share a row: 32 of a warp, or 1.
template <int LANES, class T>
__device__ __forceinline__ void softmax(T* y, const T* x, int row, int lane, int channels, int y_pitch, int x_pitch) {
  x += size_t(row) * x_pitch;
  y += size_t(row) * y_pitch;
  float largest = -INFINITY, sum = 0.0f;
  for (int c = lane; c < channels; c += LANES) largest = fmaxf(largest, to_float(x[c]));
  if constexpr (LANES > 1) {
#pragma unroll
    for (int with = LANES / 2; with > 0; with /= 2) largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, with));
  }
  for (int c = lane; c < channels; c += LANES) sum += expf(to_float(x[c]) - largest);
  if constexpr (LANES > 1) {
#pragma unroll
    for (int with = LANES / 2; with > 0; with /= 2) sum += __shfl_xor_sync(~0u, sum, with);
  }
  for (int c = lane; c < channels; c += LANES) y[c] = from_float<T>(expf(to_float(x[c]) - largest) / sum);
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(128) softmax_##t(                                                     \
      T* y, const T* x, int rows, int channels, int y_pitch, int x_pitch) {                                          \
    int row = int(blockIdx.x * blockDim.y + threadIdx.y);                                                            \
    if (row < rows) softmax<32>(y, x, row, threadIdx.x, channels, y_pitch, x_pitch);                                 \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(32) softmax_rows_##t(                                                 \
      T* y, const T* x, int rows, int channels, int y_pitch, int x_pitch) {                                          \
    int row = int(blockIdx.x * blockDim.x + threadIdx.x);                                                            \
    if (row < rows) softmax<1>(y, x, row, 0, channels, y_pitch, x_pitch);                                            \
  }
FOR_EACH_DTYPE(KERNELS)

HOST_KERNEL_FIBERS(softmax_f32)
HOST_KERNEL_FIBERS(softmax_f16)
HOST_KERNEL_FIBERS(softmax_bf16)
HOST_KERNEL_LOOP(softmax_rows_f32)
HOST_KERNEL_LOOP(softmax_rows_f16)
HOST_KERNEL_LOOP(softmax_rows_bf16)
