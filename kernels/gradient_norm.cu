// gradient_norm.cu: the norm of all gradients, as the optimizer sees them.
//
//   norm = sqrt(sum_i (g[i] / loss scale)^2)
//
// g: vectors * 8 floats, 16-byte aligned; numbers: the optimizer's (sgd.cuh). The norm is finite where every gradient
// is, unless it is beyond fp32 itself. Three stages in a fixed order, so that two runs give the same bits:
//   gradient_squares  a sum a thread:           block (256), grid (threads / 256)
//   gradient_sums     128 sums of these in fp64: block (128), grid (1); in place: a thread reads
//                     what it alone overwrites
//   gradient_norm     the norm, and the loss to where it is read together with it: block (1), grid (1)
// Bytes: one read of g. FLOP: 3 a value.
// Check: mvn -Dtest=OptimizerTest test
#include <cmath>

#include "common.cuh"
#include "sgd.cuh"

constexpr int SUMS = 128;

struct GradientNorm {
  float *numbers, *partial;
  const float *gradient, *loss;
  int vectors, threads;

  __device__ __forceinline__ void squares() const {
    int t = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (t >= threads) return;
    Floats scale = filled(numbers[UNSCALE]), sum = filled(0.0f);
    for (int v = t; v < vectors; v += threads) {
      Floats g = fma(scale, widen(load_aligned(gradient + size_t(v) * VECTOR)), filled(0.0f));
      sum = fma(g, g, sum);
    }
    partial[t] = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
  }
  __device__ __forceinline__ void sums() const {
    double sum = 0.0;
    for (int t = int(threadIdx.x); t < threads; t += SUMS) sum += partial[t];
    partial[threadIdx.x] = float(sum);
  }
  __device__ __forceinline__ void norm() const {
    double sum = 0.0;
    for (int i = 0; i < SUMS; i++) sum += partial[i];
    numbers[NORM] = float(sqrt(sum));
    numbers[LOSS] = *loss;
  }
};

KERNEL(gradient_squares, LOOP, (256), GradientNorm, squares)
KERNEL(gradient_sums, LOOP, (SUMS), GradientNorm, sums)
KERNEL(gradient_norm, LOOP, (32), GradientNorm, norm)
