// pool_backward.cu: the gradient by the input of a maximum or a mean over windows, with a prologue or without.
//
//   max_pool_taps    taps[n,oh,ow,c]: which of the window's kernel^2 places has the first largest of prologue(x)
//   pool_backward    dz[n,h,w,c] = sum over the windows that have the pixel of g / cells or, with taps, of g where the
//                    pixel is the one; then as through.cuh
//
// Windows as in pool.cu. A pixel asks its windows, so nobody adds to what others add to. Places are whole numbers below
// 256, which bf16 has exactly. taps: output pixels x channels, `taps_pitch` apart.
// Launch: max_pool_taps element-wise over output pixels (common.cuh); pool_backward over input pixels (strip.cuh).
// Bytes: reads of g, x and a, write of y; a maximum reads x twice, and writes and reads taps.
// Check: java -m dev.catena/dev.catena.conformance.Main --op max-pool-backward,average-pool-backward
#include "through.cuh"

template <class F, class T>
__device__ __forceinline__ void max_pool_taps(
    bfloat16* taps, const T* x, const F& prologue, int images, Image in, Image out, int kernel, int stride, int pad,
    int channels, int taps_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= images * out.height * out.width || count <= 0) return;
  Place at(p, out);
  Window rows(at.h, kernel, stride, pad, in.height), columns(at.w, kernel, stride, pad, in.width);
  int top = at.h * stride - pad, left = at.w * stride - pad;
  Floats best = filled(-INFINITY), tap = filled(float((rows.begin - top) * kernel + columns.begin - left));
  for (int h = rows.begin; h < rows.end; h++) {
    for (int w = columns.begin; w < columns.end; w++) {
      const T* pixel = x + ((size_t(at.n) * in.height + h) * in.width + w) * x_pitch + c;
      Floats z = prologue(widen(load(pixel, count)), c, count);
      tap = greater(z, best, filled(float((h - top) * kernel + w - left)), tap);
      best = greater(z, best, z, best);
    }
  }
  store(taps + size_t(p) * taps_pitch + c, narrow<bfloat16>(tap), count);
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) max_pool_taps_##t(                                               \
      bfloat16* taps, const T* x, const float* scale, const float* shift, int rectify, int images, int height,       \
      int width, int out_height, int out_width, int kernel, int stride, int pad, int channels, int taps_pitch,       \
      int x_pitch) {                                                                                                 \
    max_pool_taps(taps, x, Prologue{scale, shift, rectify}, images, Image{height, width},                            \
                  Image{out_height, out_width}, kernel, stride, pad, channels, taps_pitch, x_pitch);                 \
  }                                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256, 2) pool_backward_##t(                                            \
      T* y, float* partial, const T* a, const T* x, const float* scale, const float* shift, const float* mean,       \
      int rectify, int pixels, int length, int channels, int y_pitch, int a_pitch, int x_pitch, const T* g,          \
      int g_pitch, const bfloat16* taps, int taps_pitch, int height, int width, int out_height, int out_width,       \
      int kernel, int stride, int pad, int include_pad) {                                                            \
    Windows<T> windows{g, taps, Image{height, width}, Image{out_height, out_width}, kernel, stride, pad,             \
                       include_pad, g_pitch, taps_pitch};                                                            \
    pass_through(Through<T, Windows<T>>{windows, y, x, a, scale, shift, mean, rectify, y_pitch, x_pitch, a_pitch},   \
                 partial, pixels, length, channels);                                                                 \
  }
FOR_EACH_DTYPE(KERNELS)

HOST_KERNEL_LOOP(max_pool_taps_f32)
HOST_KERNEL_LOOP(max_pool_taps_f16)
HOST_KERNEL_LOOP(max_pool_taps_bf16)
HOST_KERNEL_LOOP(pool_backward_f32)
HOST_KERNEL_LOOP(pool_backward_f16)
HOST_KERNEL_LOOP(pool_backward_bf16)
