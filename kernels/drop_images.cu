// drop_images.cu: whole images kept or zero, as a random number says that is computed, not stored; or a factor alone.
//
//   y[n,p,c] = word(n) >= threshold ? x[n,p,c]*factor : 0        threshold = probability*2^32
//   word(n): the one at n mod 4 of the group n/4 (philox.cuh); without random numbers (null) all images are kept
//
// x, y: views of `pixels` x `channels`, `area` pixels an image; y may be x. Launch: strip.cuh, without sums.
// Bytes: one read, one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op drop-images,scale
#include "philox.cuh"
#include "strip.cuh"

template <class T>
struct DropImages {
  View<T> y;
  View<const T> x;
  const float* random;
  uint32_t threshold, stream;
  float factor;
  int area;
  Strips strips;
  static constexpr int UNROLL = 1;

  struct Pixel {
    int p;
    bool kept;
  };
  __device__ __forceinline__ Pixel pixel(int p) const {
    if (!random) return {p, true};
    Moment now = moment(random);
    uint32_t n = uint32_t(p / area), at = n % 4;
    Words words = philox(now.seed, now.step, n / 4, stream);
    uint32_t word = at < 2 ? (at == 0 ? words.w[0] : words.w[1]) : (at == 2 ? words.w[2] : words.w[3]);
    return {p, word >= threshold};
  }

  struct Lane {
    const DropImages& of;
    int c, count;
    __device__ __forceinline__ void operator()(const Pixel& pixel, Sums<0>&) const {
      Floats v = widen(load(of.x.at(pixel.p, c), count)) * of.factor;
      store(of.y.at(pixel.p, c), narrow<T>(pixel.kept ? v : filled(0.0f)), count);
    }
  };
  __device__ __forceinline__ Lane lane(int, int c, int count) const { return {*this, c, count}; }
  __device__ __forceinline__ void drop() const { walk<0>(*this, strips); }
};

KERNELS(drop_images, LOOP, (256), DropImages, drop)
