// batch_norm_vectors.cu: what normalisation does to vectors over channels, in fp32.
//
//   batch_scale          s = gamma / sqrt(variance + epsilon)
//   batch_shift          t = beta - s*mean
//   running_mean         y = (1 - momentum)*x + momentum*mean
//   running_variance     y = (1 - momentum)*x + momentum*variance*unbias        unbias = n / (n - 1)
//   batch_norm_gradient  dgamma = sums[1]/sqrt(variance + epsilon), dbeta = sums[0], and by the statistics
//                        y[0] = a?[0] - gamma/sqrt(variance + epsilon)*sums[0],
//                        y[1] = a?[1] - gamma/2*(variance + epsilon)^(-3/2)*sums[1]
//
// statistics: mean, and `pitch` behind it variance; sums, y and a of the gradient likewise. y may be x or a.
// Launch: block (256), grid (channels / 256), rounded up.
// Check: java -m dev.catena/dev.catena.conformance.Main --op batch-scale,batch-shift,running,batch-norm-gradient
#include "common.cuh"

__device__ __forceinline__ int my_index() { return int(blockIdx.x * blockDim.x + threadIdx.x); }

extern "C" __global__ void __launch_bounds__(256) batch_scale_f32(
    float* y, const float* gamma, const float* statistics, float epsilon, int channels, int pitch) {
  int c = my_index();
  if (c < channels) y[c] = gamma[c] / sqrtf(statistics[pitch + c] + epsilon);
}

extern "C" __global__ void __launch_bounds__(256) batch_shift_f32(
    float* y, const float* beta, const float* statistics, const float* scale, int channels) {
  int c = my_index();
  if (c < channels) y[c] = fmaf(-scale[c], statistics[c], beta[c]);
}

extern "C" __global__ void __launch_bounds__(256) running_mean_f32(
    float* y, const float* x, const float* statistics, float momentum, int channels) {
  int c = my_index();
  if (c < channels) y[c] = fmaf(momentum, statistics[c], (1.0f - momentum) * x[c]);
}

extern "C" __global__ void __launch_bounds__(256) running_variance_f32(
    float* y, const float* x, const float* statistics, float momentum, float unbias, int channels, int pitch) {
  int c = my_index();
  if (c < channels) y[c] = fmaf(momentum * unbias, statistics[pitch + c], (1.0f - momentum) * x[c]);
}

extern "C" __global__ void __launch_bounds__(256) batch_norm_gradient_f32(
    float* y, float* dgamma, float* dbeta, const float* gamma, const float* statistics, const float* sums,
    const float* a, float epsilon, int channels, int y_pitch, int pitch, int sums_pitch, int a_pitch) {
  int c = my_index();
  if (c >= channels) return;
  float inverse = 1.0f / sqrtf(statistics[pitch + c] + epsilon), scale = gamma[c] * inverse;
  float normalised = sums[sums_pitch + c] * inverse;
  float mean = -scale * sums[c], variance = -0.5f * scale * inverse * normalised;
  dgamma[c] = normalised;
  dbeta[c] = sums[c];
  y[c] = a ? a[c] + mean : mean;
  y[y_pitch + c] = a ? a[a_pitch + c] + variance : variance;
}

HOST_KERNEL_LOOP(batch_scale_f32)
HOST_KERNEL_LOOP(batch_shift_f32)
HOST_KERNEL_LOOP(running_mean_f32)
HOST_KERNEL_LOOP(running_variance_f32)
HOST_KERNEL_LOOP(batch_norm_gradient_f32)
