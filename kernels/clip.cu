// clip.cu: values between two bounds, ReLU6 among them, and the gradient.
//
//   clip:           y[p,c]  = min if x[p,c] < min, max if x[p,c] > max, else x[p,c]      NaN stays NaN
//   clip_backward:  dx[p,c] = g[p,c] if min < x[p,c] < max, else 0
//
// All: views of `pixels` x `channels`; y may be x, dx may be g or x. A bound may be infinite.
// Launch: element-wise (common.cuh). Bytes: one read, backward two, and one write. FLOP: 2 comparisons a value.
// Check: java -m dev.catena/dev.catena.conformance.Main --op clip
#include "common.cuh"

template <class T>
__device__ __forceinline__ void clip(
    T* y, const T* x, int pixels, int channels, float min, float max, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  Floats v = widen(load(x + size_t(p) * x_pitch + c, count));
#pragma unroll
  for (int i = 0; i < VECTOR; i++) v[i] = v[i] < min ? min : v[i] > max ? max : v[i];
  store(y + size_t(p) * y_pitch + c, narrow<T>(v), count);
}

template <class T>
__device__ __forceinline__ void clip_backward(
    T* dx, const T* g, const T* x, int pixels, int channels, float min, float max, int dx_pitch, int g_pitch,
    int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  Floats d = widen(load(g + size_t(p) * g_pitch + c, count));
  Floats v = widen(load(x + size_t(p) * x_pitch + c, count));
#pragma unroll
  for (int i = 0; i < VECTOR; i++) d[i] = v[i] > min && v[i] < max ? d[i] : 0.0f;
  store(dx + size_t(p) * dx_pitch + c, narrow<T>(d), count);
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) clip_##t(                                                        \
      T* y, const T* x, int pixels, int channels, float min, float max, int y_pitch, int x_pitch) {                  \
    clip(y, x, pixels, channels, min, max, y_pitch, x_pitch);                                                        \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(clip_##t)                                                                                         \
  extern "C" __global__ void __launch_bounds__(256) clip_backward_##t(                                               \
      T* dx, const T* g, const T* x, int pixels, int channels, float min, float max, int dx_pitch, int g_pitch,      \
      int x_pitch) {                                                                                                 \
    clip_backward(dx, g, x, pixels, channels, min, max, dx_pitch, g_pitch, x_pitch);                                 \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(clip_backward_##t)
FOR_EACH_DTYPE(KERNELS)
