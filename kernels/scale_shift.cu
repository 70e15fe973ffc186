// scale_shift.cu: batch normalisation with known statistics, ReLU alone, or a bias alone.
//
//   y[p,c] = relu?(scale[c]*x[p,c] + shift[c])        a null scale is one, a null shift zero
//
// x, y: views of `pixels` x `channels`; scale, shift: fp32. y may be x itself.
// Launch: element-wise (common.cuh). Bytes: one read of x, one write of y. FLOP: 2 a value.
// Check: java -m dev.catena/dev.catena.conformance.Main --op scale-shift,relu
#include "common.cuh"

template <class T>
struct ScaleShift {
  View<T> y;
  View<const T> x;
  Prologue map;
  int pixels, channels;

  __device__ __forceinline__ void scale_shift() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    store(y.at(p, c), narrow<T>(map(widen(load(x.at(p, c), count)), c, count)), count);
  }
};

KERNELS(scale_shift, LOOP, (256), ScaleShift, scale_shift)
