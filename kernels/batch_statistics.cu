// batch_statistics.cu: mean and variance of each channel of a batch, as a pass of their own, and its gradient.
//
//   batch_statistics            of each strip: its mean, and the sum of squared differences from it; fold_statistics
//                               (fold.cu) makes of them mean and biased variance of the batch
//   batch_statistics_backward   y = a? + (dmean + 2*(x - mean)*dvariance)/pixels: the B*x + C of all normalisations
//                               that read x, at once
//
// Sums are taken of x minus the strip's first pixel, so that nothing cancels however large the mean is.
// x, y, a: views of `pixels` x `channels`; y may be a; statistics and gradient: (mean, variance), fp32.
// Launch: strip.cuh. Bytes: one read of x; backward one read of x and a, one write of y. FLOP: 3 and 4 a value.
// Check: java -m dev.catena/dev.catena.conformance.Main --op batch-statistics
#include "strip.cuh"

template <class T>
struct Moments {
  View<const T> x;
  Strips strips;
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
    return {x.at(0, c), x.pitch, count, widen(load(x.at(first, c), count))};
  }
  __device__ __forceinline__ void sum() const { walk<2>(*this, strips); }
};

template <class T>
struct MomentsBackward {
  View<T> y;
  View<const T> x, a;
  View<const float> statistics, gradient;
  Strips strips;
  static constexpr int UNROLL = 2;

  struct Lane {
    const MomentsBackward& of;
    int c, count;
    Floats mean, dmean, dvariance;

    __device__ __forceinline__ void operator()(int p, Sums<0>&) const {
      Floats centred = widen(load(of.x.at(p, c), count)) - mean;
      Floats v = fma(centred, dvariance, dmean);
      if (of.a) v = v + widen(load(of.a.at(p, c), count));
      store(of.y.at(p, c), narrow<T>(v), count);
    }
  };
  __device__ __forceinline__ Lane lane(int, int c, int count) const {
    float share = 1.0f / float(strips.pixels);
    return {*this, c, count, widen(load(statistics.at(0, c), count)), widen(load(gradient.at(0, c), count)) * share,
            widen(load(gradient.at(1, c), count)) * (2.0f * share)};
  }
  __device__ __forceinline__ void add() const { walk<0>(*this, strips); }
};

KERNELS(batch_statistics, LOOP, (256), Moments, sum)
KERNELS(batch_statistics_backward, LOOP, (256), MomentsBackward, add)
