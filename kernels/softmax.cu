// softmax.cu: over the channels of each pixel: probabilities from logits, their logarithms, or the largest one's index.
//
//   softmax:  y[m,c] = exp(x[m,c] - max_c x[m,c]) / sum_c exp(x[m,c] - max_c x[m,c]), or with `logarithm` the log of it
//   argmax:   y[m] = the first c, or with `last` the last, of which x[m,c] is the largest
//
// x, y: views of `rows` x `channels`; y may be x; that of argmax is one fp32 channel. Sums in fp32; a NaN or +infinity in a
// row makes the row NaN. Two forms of softmax: `softmax`, a warp a row, block (32, 4), grid (rows / 4), rounded up;
// `softmax_rows`, a thread a row, without barriers, for the CPU: block (1), grid (rows). argmax: element-wise over y.
// Bytes: three reads (two from the caches), one write; argmax one read.
// Check: java -m dev.catena/dev.catena.conformance.Main --op softmax,log-softmax,argmax
#include <cmath>

#include "common.cuh"

template <class T>
struct Softmax {
  View<T> y;
  View<const T> x;
  int rows, channels, logarithm;

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
    float shift = logarithm ? largest + logf(sum) : largest;
    for (int c = lane; c < channels; c += LANES) {
      float v = to_float(from[c]) - shift;
      to[c] = from_float<T>(logarithm ? v : expf(v) / sum);
    }
  }
};

template <class T>
struct Argmax {
  View<float> y;
  View<const T> x;
  int pixels, channels, last;

  __device__ __forceinline__ void argmax() const {
    int p = my_pixel();
    if (p >= pixels || my_channel() > 0) return;
    const T* from = x.at(p, 0);
    float largest = to_float(from[0]);
    int index = 0;
    for (int c = 1; c < channels; c++) {
      float v = to_float(from[c]);
      if (v > largest || (last && v == largest)) largest = v, index = c;
    }
    *y.at(p, 0) = float(index);
  }
};

KERNELS(softmax, FIBERS, (128), Softmax, row<32>)
KERNELS(softmax_rows, LOOP, (32), Softmax, row<1>)
KERNELS(argmax, LOOP, (256), Argmax, argmax)
