// conv_sum.cu: adds up the parts of a convolution, or of a gradient, that was split among blocks.
//
//   y[m,k] = relu?( sums[m,k] + sums[m + pixels,k] + sums[m + 2*pixels,k] + ... + bias[k] + residual[m,k] )
//
// in this order: the same bits at every run. sums: fp32, `rows` x K, K rounded up to 8; y, residual: views; bias
// and residual may be null.
// Launch: element-wise (common.cuh).
// FLOP: rows*K. Bytes: 4*rows*K, most of them still in L2, and y once: bound by the launch.
// Check: java -m dev.catena/dev.catena.conformance.Main --op conv --engine kernel
#include "common.cuh"

// Parts that are under way together: one after the other, the sum would wait for memory at each.
constexpr int AHEAD = 8;

template <class T>
struct ConvSum {
  View<T> y;
  const float* sums;
  Epilogue<T> epilogue;
  long long rows;
  int pixels, outputs;

  __device__ __forceinline__ void add() const {
    int m = my_pixel(), k = my_channel(), count = outputs - k;
    if (m >= pixels || count <= 0) return;
    int pitch = (outputs + VECTOR - 1) / VECTOR * VECTOR;
    const float* from = sums + size_t(m) * pitch + k;
    size_t next = size_t(pixels) * pitch;
    Floats sum = widen(load_aligned(from));
    long long row = (long long)m + pixels;
    for (; row + (AHEAD - 1LL) * pixels < rows; row += (long long)AHEAD * pixels) {
      Vector<float> part[AHEAD];
#pragma unroll
      for (int i = 0; i < AHEAD; i++) part[i] = load_aligned(from += next);
#pragma unroll
      for (int i = 0; i < AHEAD; i++) sum = sum + widen(part[i]);
    }
    for (; row < rows; row += pixels) sum = sum + widen(load_aligned(from += next));
    store(y.at(m, k), narrow<T>(epilogue(sum, m, k, count)), count);
  }
};

KERNELS(conv_sum, LOOP, (256), ConvSum, add)
