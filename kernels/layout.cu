// layout.cu: the borders of the library. The user's dense NCHW in fp32, to and from our NHWC views.
//
//   from_nchw:  y[(n,i),c] = round(x[n,c,i])         i runs over the `area` = H*W pixels of an image
//   to_nchw:    y[n,c,i]   = x[(n,i),c]
//
// A thread takes eight channels of one pixel; neighbouring threads neighbouring pixels, so that both the planes and the
// (for images: 8-channel) rows are touched in order.
// Launch: block (256), grid (pixels / 256, channels / 8), both rounded up; pixels = N*area.
// Bytes: one read, one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op from-nchw,to-nchw
#include "common.cuh"

__device__ __forceinline__ size_t plane_offset(int pixel, int channel, int area, int channels) {
  int n = pixel / area;
  return (size_t(n) * channels + channel) * area + (pixel - n * area);
}

template <class T>
__device__ __forceinline__ void from_nchw(T* y, const float* x, int pixels, int area, int channels, int y_pitch) {
  int p = int(blockIdx.x * blockDim.x + threadIdx.x), c = VECTOR * int(blockIdx.y), count = channels - c;
  if (p >= pixels) return;
  const float* plane = x + plane_offset(p, c, area, channels);
  Vector<T> v;
#pragma unroll
  for (int i = 0; i < VECTOR; i++) v[i] = from_float<T>(i < count ? plane[size_t(i) * area] : 0.0f);
  store(y + size_t(p) * y_pitch + c, v, count);
}

template <class T>
__device__ __forceinline__ void to_nchw(float* y, const T* x, int pixels, int area, int channels, int x_pitch) {
  int p = int(blockIdx.x * blockDim.x + threadIdx.x), c = VECTOR * int(blockIdx.y), count = channels - c;
  if (p >= pixels) return;
  float* plane = y + plane_offset(p, c, area, channels);
  Vector<T> v = load(x + size_t(p) * x_pitch + c, count);
#pragma unroll
  for (int i = 0; i < VECTOR; i++) if (i < count) plane[size_t(i) * area] = to_float(v[i]);
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) from_nchw_##t(                                                   \
      T* y, const float* x, int pixels, int area, int channels, int y_pitch) {                                       \
    from_nchw(y, x, pixels, area, channels, y_pitch);                                                                \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256) to_nchw_##t(                                                     \
      float* y, const T* x, int pixels, int area, int channels, int x_pitch) {                                       \
    to_nchw(y, x, pixels, area, channels, x_pitch);                                                                  \
  }
FOR_EACH_DTYPE(KERNELS)

HOST_KERNEL_LOOP(from_nchw_f32)
HOST_KERNEL_LOOP(from_nchw_f16)
HOST_KERNEL_LOOP(from_nchw_bf16)
HOST_KERNEL_LOOP(to_nchw_f32)
HOST_KERNEL_LOOP(to_nchw_f16)
HOST_KERNEL_LOOP(to_nchw_bf16)
