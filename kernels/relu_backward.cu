// relu_backward.cu: the gradient by the input of a ReLU.
//
//   y[p,c] = a?[p,c] + (made[p,c] > 0 ? g[p,c] : 0)        made: what the ReLU made
//
// All: views of `pixels` x `channels`; y may be a or g. Launch: strip.cuh, without sums.
// Bytes: three reads with a, one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op relu-backward
#include "strip.cuh"

template <class T>
struct ReluBackward {
  View<T> y;
  View<const T> g, made, a;
  Strips strips;
  static constexpr int UNROLL = 2;

  struct Lane {
    const ReluBackward& of;
    int c, count;
    __device__ __forceinline__ void operator()(int p, Sums<0>&) const {
      Floats made = widen(load(of.made.at(p, c), count));
      Floats v = greater(made, filled(0.0f), widen(load(of.g.at(p, c), count)), filled(0.0f));
      if (of.a) v = v + widen(load(of.a.at(p, c), count));
      store(of.y.at(p, c), narrow<T>(v), count);
    }
  };
  __device__ __forceinline__ Lane lane(int, int c, int count) const { return {*this, c, count}; }
  __device__ __forceinline__ void add() const { walk<0>(*this, strips); }
};

KERNELS(relu_backward, LOOP, (256), ReluBackward, add)
