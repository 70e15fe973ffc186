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
  T* y;
  const T *g, *made, *a;
  int y_pitch, g_pitch, made_pitch, a_pitch;
  static constexpr int UNROLL = 2;

  struct Lane {
    ReluBackward of;
    int c, count;
    __device__ __forceinline__ void operator()(int p, Sums<0>&) const {
      Floats g = widen(load(of.g + size_t(p) * of.g_pitch + c, count));
      Floats made = widen(load(of.made + size_t(p) * of.made_pitch + c, count));
      Floats v = greater(made, filled(0.0f), g, filled(0.0f));
      if (of.a) v = v + widen(load(of.a + size_t(p) * of.a_pitch + c, count));
      store(of.y + size_t(p) * of.y_pitch + c, narrow<T>(v), count);
    }
  };
  __device__ __forceinline__ Lane lane(int, int c, int count) const { return {*this, c, count}; }
};

#define KERNEL(T, t)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(256) relu_backward_##t(                                               \
      T* y, const T* g, const T* made, const T* a, int pixels, int length, int channels, int y_pitch, int g_pitch,   \
      int made_pitch, int a_pitch) {                                                                                 \
    walk<0>(ReluBackward<T>{y, g, made, a, y_pitch, g_pitch, made_pitch, a_pitch}, nullptr, pixels, length,          \
            channels);                                                                                               \
  }
FOR_EACH_DTYPE(KERNEL)

HOST_KERNEL_LOOP(relu_backward_f32)
HOST_KERNEL_LOOP(relu_backward_f16)
HOST_KERNEL_LOOP(relu_backward_bf16)
