// batch_statistics.cu: mean and variance of each channel of a batch, as a pass of their own, and its gradient.
//
//   batch_statistics            of each strip: its mean, and the sum of squared differences from it; fold_statistics
//                               (fold.cu) makes of them mean and biased variance of the batch
//   batch_statistics_backward   y = a? + (dmean + 2*(x - mean)*dvariance)/pixels: the B*x + C of all normalisations
//                               that read x, at once
//
// Sums are taken of x minus the strip's first pixel, so that nothing cancels however large the mean is.
// x, y, a: views of `pixels` x `channels`; y may be a; statistics and gradient: (mean, variance), `pitch` apart, fp32.
// Launch: strip.cuh. Bytes: one read of x; backward one read of x and a, one write of y. FLOP: 3 and 4 a value.
// Check: java -m dev.catena/dev.catena.conformance.Main --op batch-statistics
#include "strip.cuh"

template <class T>
struct Moments {
  const T* x;
  int pitch;
  static constexpr int UNROLL = 4;

  struct Lane {
    const T* x;
    int pitch, count;
    Floats origin;

    __device__ __forceinline__ void operator()(int p, Sums<2>& sums) const {
      Floats v = widen(load(x + size_t(p) * pitch, count)) - origin;
      sums[0] = sums[0] + v;
      sums[1] = fma(v, v, sums[1]);
    }
    __device__ __forceinline__ void finish(Sums<2>& sums, int pixels) const {
      Floats shift = sums[0] / float(pixels);
      sums[1] = relu(sums[1] - shift * sums[0]);
      sums[0] = origin + shift;
    }
  };
  __device__ __forceinline__ Lane lane(int first, int c, int count) const {
    return {x + c, pitch, count, widen(load(x + size_t(first) * pitch + c, count))};
  }
};

template <class T>
struct MomentsBackward {
  T* y;
  const T *x, *a;
  const float *statistics, *gradient;
  int y_pitch, x_pitch, a_pitch, statistics_pitch, gradient_pitch;
  float share;
  static constexpr int UNROLL = 2;

  struct Lane {
    MomentsBackward of;
    int c, count;
    Floats mean, dmean, dvariance;

    __device__ __forceinline__ void operator()(int p, Sums<0>&) const {
      Floats centred = widen(load(of.x + size_t(p) * of.x_pitch + c, count)) - mean;
      Floats v = fma(centred, dvariance, dmean);
      if (of.a) v = v + widen(load(of.a + size_t(p) * of.a_pitch + c, count));
      store(of.y + size_t(p) * of.y_pitch + c, narrow<T>(v), count);
    }
  };
  __device__ __forceinline__ Lane lane(int, int c, int count) const {
    return {*this, c, count, widen(load(statistics + c, count)), widen(load(gradient + c, count)) * share,
            widen(load(gradient + gradient_pitch + c, count)) * (2.0f * share)};
  }
};

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) batch_statistics_##t(                                            \
      float* partial, const T* x, int pixels, int length, int channels, int x_pitch) {                               \
    walk<2>(Moments<T>{x, x_pitch}, partial, pixels, length, channels);                                              \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) batch_statistics_backward_##t(                                   \
      T* y, const T* x, const float* statistics, const float* gradient, const T* a, int pixels, int length,          \
      int channels, int y_pitch, int x_pitch, int statistics_pitch, int gradient_pitch, int a_pitch) {               \
    walk<0>(MomentsBackward<T>{y, x, a, statistics, gradient, y_pitch, x_pitch, a_pitch, statistics_pitch,           \
                               gradient_pitch, 1.0f / float(pixels)},                                                \
            nullptr, pixels, length, channels);                                                                      \
  }
FOR_EACH_DTYPE(KERNELS)

HOST_KERNEL_LOOP(batch_statistics_f32)
HOST_KERNEL_LOOP(batch_statistics_f16)
HOST_KERNEL_LOOP(batch_statistics_bf16)
HOST_KERNEL_LOOP(batch_statistics_backward_f32)
HOST_KERNEL_LOOP(batch_statistics_backward_f16)
HOST_KERNEL_LOOP(batch_statistics_backward_bf16)
