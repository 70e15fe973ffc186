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

extern "C" __global__ void __launch_bounds__(256) gradient_squares(
    float* partial, const float* gradient, const float* numbers, int vectors, int threads) {
  int t = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (t >= threads) return;
  Floats scale = filled(numbers[UNSCALE]), sum = filled(0.0f);
  for (int v = t; v < vectors; v += threads) {
    Floats g = fma(scale, widen(load_aligned(gradient + size_t(v) * VECTOR)), filled(0.0f));
    sum = fma(g, g, sum);
  }
  partial[t] = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

extern "C" __global__ void __launch_bounds__(SUMS) gradient_sums(float* partial, int threads) {
  double sum = 0.0;
  for (int t = int(threadIdx.x); t < threads; t += SUMS) sum += partial[t];
  partial[threadIdx.x] = float(sum);
}

extern "C" __global__ void __launch_bounds__(32) gradient_norm(
    float* numbers, const float* partial, const float* loss) {
  double sum = 0.0;
  for (int i = 0; i < SUMS; i++) sum += partial[i];
  numbers[NORM] = float(sqrt(sum));
  numbers[LOSS] = *loss;
}

HOST_KERNEL_LOOP(gradient_squares)
HOST_KERNEL_LOOP(gradient_sums)
HOST_KERNEL_LOOP(gradient_norm)
