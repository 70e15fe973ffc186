// batch_norm_vectors.cu: what normalisation does to vectors over channels, in fp32.
//
//   batch_scale          s = gamma / sqrt(variance + epsilon)
//   batch_shift          t = beta - s*mean
//   running_statistics   y[0] = mean, y[1] = variance
//   running_mean         y = (1 - momentum)*x + momentum*mean
//   running_variance     y = (1 - momentum)*x + momentum*variance*unbias        unbias = n / (n - 1)
//   batch_norm_gradient  dgamma = sums[1]/sqrt(variance + epsilon), dbeta = sums[0], and by the statistics
//                        y[0] = a?[0] - gamma/sqrt(variance + epsilon)*sums[0],
//                        y[1] = a?[1] - gamma/2*(variance + epsilon)^(-3/2)*sums[1]
//
// statistics: mean, then variance; sums, y and a of the gradient likewise. y may be x or a.
// Launch: block (256), grid (channels / 256), rounded up.
// Check: java -m dev.catena/dev.catena.conformance.Main --op batch-scale,batch-shift,running-statistics,running,batch-norm-gradient
#include "common.cuh"

__device__ __forceinline__ int my_index() { return int(blockIdx.x * blockDim.x + threadIdx.x); }

struct BatchScale {
  float* y;
  const float* gamma;
  View<const float> statistics;
  float epsilon;
  int channels;

  __device__ __forceinline__ void scale() const {
    int c = my_index();
    if (c < channels) y[c] = gamma[c] / sqrtf(*statistics.at(1, c) + epsilon);
  }
};

struct BatchShift {
  float* y;
  const float *beta, *statistics, *scale;
  int channels;

  __device__ __forceinline__ void shift() const {
    int c = my_index();
    if (c < channels) y[c] = fmaf(-scale[c], statistics[c], beta[c]);
  }
};

struct RunningStatistics {
  View<float> y;
  const float *mean, *variance;
  int channels;

  __device__ __forceinline__ void join() const {
    int c = my_index();
    if (c >= channels) return;
    *y.at(0, c) = mean[c];
    *y.at(1, c) = variance[c];
  }
};

// `unbias` is for a variance.
struct Running {
  float* y;
  const float* x;
  View<const float> statistics;
  float momentum, unbias;
  int channels;

  __device__ __forceinline__ void mean() const {
    int c = my_index();
    if (c < channels) y[c] = fmaf(momentum, *statistics.at(0, c), (1.0f - momentum) * x[c]);
  }
  __device__ __forceinline__ void variance() const {
    int c = my_index();
    if (c < channels) y[c] = fmaf(momentum * unbias, *statistics.at(1, c), (1.0f - momentum) * x[c]);
  }
};

struct BatchNormGradient {
  View<float> y;
  float *dgamma, *dbeta;
  const float* gamma;
  View<const float> statistics, sums, a;
  float epsilon;
  int channels;

  __device__ __forceinline__ void gradient() const {
    int c = my_index();
    if (c >= channels) return;
    float inverse = 1.0f / sqrtf(*statistics.at(1, c) + epsilon), scale = gamma[c] * inverse;
    float normalised = *sums.at(1, c) * inverse;
    float mean = -scale * *sums.at(0, c), variance = -0.5f * scale * inverse * normalised;
    dgamma[c] = normalised;
    dbeta[c] = *sums.at(0, c);
    *y.at(0, c) = a ? *a.at(0, c) + mean : mean;
    *y.at(1, c) = a ? *a.at(1, c) + variance : variance;
  }
};

KERNEL(batch_scale_f32, LOOP, (256), BatchScale, scale)
KERNEL(batch_shift_f32, LOOP, (256), BatchShift, shift)
KERNEL(running_statistics_f32, LOOP, (256), RunningStatistics, join)
KERNEL(running_mean_f32, LOOP, (256), Running, mean)
KERNEL(running_variance_f32, LOOP, (256), Running, variance)
KERNEL(batch_norm_gradient_f32, LOOP, (256), BatchNormGradient, gradient)
