// dropout.cu: each element kept and divided by 1 - p, or zero, as a random number says that is computed, not stored.
//
//   y[p,c] = word(p*channels + c) >= threshold ? x[p,c]*factor : 0        threshold = p*2^32, factor = 1/(1 - p)
//   word(i): the one at i mod 4 of the group i/4 (philox.cuh)
//
// x, y: views of `pixels` x `channels`; y may be x. Launch: strip.cuh, without sums. Bytes: one read, one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op dropout
#include "philox.cuh"
#include "strip.cuh"

template <class T>
struct Dropout {
  View<T> y;
  View<const T> x;
  const float* random;
  uint32_t threshold, stream;
  float factor;
  Strips strips;
  static constexpr int UNROLL = 1;

  struct Lane {
    const Dropout& of;
    Moment now;
    int c, count;

    __device__ __forceinline__ void operator()(int p, Sums<0>&) const {
      Floats v = widen(load(of.x.at(p, c), count)) * of.factor;
      uint64_t index = uint64_t(p) * of.strips.channels + c;
      Words words{};
      Floats kept = filled(0.0f);
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        if (i == 0 || (index + i) % 4 == 0) words = philox(now.seed, now.step, (index + i) / 4, of.stream);
        uint32_t at = uint32_t(index + i) % 4;
        uint32_t word = at < 2 ? (at == 0 ? words.w[0] : words.w[1]) : (at == 2 ? words.w[2] : words.w[3]);
        kept[i] = word >= of.threshold ? v[i] : 0.0f;
      }
      store(of.y.at(p, c), narrow<T>(kept), count);
    }
  };
  __device__ __forceinline__ Lane lane(int, int c, int count) const { return {*this, moment(random), c, count}; }
  __device__ __forceinline__ void drop() const { walk<0>(*this, strips); }
};

KERNELS(dropout, LOOP, (256), Dropout, drop)
