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
  const T* g;
  int pitch;
  static constexpr int UNROLL = 4;
  struct Lane {
    const T* g;
    int pitch, count;
    __device__ __forceinline__ void operator()(int p, Sums<1>& sums) const {
      sums[0] = sums[0] + widen(load(g + size_t(p) * pitch, count));
    }
    __device__ __forceinline__ void finish(Sums<1>&, int) const {}
  };
  __device__ __forceinline__ Lane lane(int, int c, int count) const { return {g + c, pitch, count}; }
};

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) scale_shift_backward_##t(                                        \
      T* y, float* partial, const T* a, const T* x, const float* scale, const float* shift, const float* mean,       \
      int rectify, int pixels, int length, int channels, int y_pitch, int a_pitch, int x_pitch, const T* g,          \
      int g_pitch) {                                                                                                 \
    walk<2>(Through<T, Spread<T>>{{g, g_pitch, 1}, y, x, a, scale, shift, mean, rectify, y_pitch, x_pitch, a_pitch}, \
            partial, pixels, length, channels);                                                                      \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) global_average_backward_##t(                                     \
      T* y, float* partial, const T* a, const T* x, const float* scale, const float* shift, const float* mean,       \
      int rectify, int pixels, int length, int channels, int y_pitch, int a_pitch, int x_pitch, const T* g,          \
      int g_pitch, int area) {                                                                                       \
    pass_through(                                                                                                    \
        Through<T, Spread<T>>{{g, g_pitch, area}, y, x, a, scale, shift, mean, rectify, y_pitch, x_pitch, a_pitch},  \
        partial, pixels, length, channels);                                                                          \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) channel_sums_##t(                                                \
      float* partial, const T* g, int pixels, int length, int channels, int g_pitch) {                               \
    walk<1>(Total<T>{g, g_pitch}, partial, pixels, length, channels);                                                \
  }
FOR_EACH_DTYPE(KERNELS)

HOST_KERNEL_LOOP(scale_shift_backward_f32)
HOST_KERNEL_LOOP(scale_shift_backward_f16)
HOST_KERNEL_LOOP(scale_shift_backward_bf16)
HOST_KERNEL_LOOP(global_average_backward_f32)
HOST_KERNEL_LOOP(global_average_backward_f16)
HOST_KERNEL_LOOP(global_average_backward_bf16)
HOST_KERNEL_LOOP(channel_sums_f32)
HOST_KERNEL_LOOP(channel_sums_f16)
HOST_KERNEL_LOOP(channel_sums_bf16)
