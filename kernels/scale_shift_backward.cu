// scale_shift_backward.cu: the gradient by the input of a normalisation, but for what flows through the statistics.
//
//   scale_shift_backward     dz = g             of relu?(scale*x + shift)
//   global_average_backward  dz = g / area      of a mean over each image's `area` pixels, with that prologue or
//                                           without
//   channel_sums             the sums of g over the pixels, the gradient by a bias
//
// Then as through.cuh. g: view of pixels/area x channels.
// Launch: strip.cuh; the sums of strips are added by fold.cu.
// Bytes: one read of g, x and a, one write of y. FLOP: 8 a value.
// Check: java -m dev.catena/dev.catena.conformance.Main --op scale-shift-backward,global-average-backward,channel-sums
#include "through.cuh"

template <class T>
struct Total {
  View<const T> g;
  Strips strips;
  static constexpr int UNROLL = 4;
  struct Lane {
    const T* g;
    int pitch, count;
    __device__ __forceinline__ void operator()(int p, Sums<1>& sums) const {
      sums[0] = sums[0] + widen(load(g + size_t(p) * pitch, count));
    }
    __device__ __forceinline__ void finish(Sums<1>&, int) const {}
  };
  __device__ __forceinline__ Lane lane(int, int c, int count) const { return {g.at(0, c), g.pitch, count}; }
  __device__ __forceinline__ void sum() const { walk<1>(*this, strips); }
};

template <class T>
using ScaleShiftBackward = Through<T, Same<T>>;
template <class T>
using GlobalAverageBackward = Through<T, Spread<T>>;
KERNELS(scale_shift_backward, LOOP, (256), ScaleShiftBackward, pass_prologue)
KERNELS(global_average_backward, LOOP, (256), GlobalAverageBackward, pass)
KERNELS(channel_sums, LOOP, (256), Total, sum)
