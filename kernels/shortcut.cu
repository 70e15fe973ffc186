// shortcut.cu: the end of a residual block whose shortcut has no parameters; and zero channels alone.
//
//   shortcut:      y[n,h,w,c] = relu?( scale[c] * (f[n,h,w,c] + (c < Cx ? S(x)[n,h,w,c] : 0)) + shift[c] )
//     S: identity | x[n,2h,2w,c] (ResNet's option A) | mean of the pixels that x has of 2h, 2h+1 by 2w, 2w+1
//        (PyramidNet)
//   pad_channels:  y[p,c] = c < Cx ? x[p,c] : 0
//
// f, y: views of `channels`; x: view of Cx <= channels, read for c < Cx only: nothing padded is ever in memory. scale,
// shift: fp32, null for 1 and 0. y may be f; with S the identity and Cx = channels also x.
// Launch: element-wise over output pixels (common.cuh). FLOP: 2 to 7 a value.
// Bytes: one read of f and of x, half or all of its lines with S, one write of y.
// Check: java -m dev.catena/dev.catena.conformance.Main --op shortcut,pad-channels
#include "pool.cuh"

enum Sampling { NONE, SUBSAMPLE, AVERAGE };

// S(x) at one output pixel.
template <class T>
__device__ __forceinline__ Floats sampled(const T* x, int sampling, Image in, Place at, int pitch, int c, int count) {
  int step = sampling == NONE ? 1 : 2, edge = sampling == AVERAGE ? 2 : 1;
  Window rows(at.h, edge, step, 0, in.height), columns(at.w, edge, step, 0, in.width);
  Identity all(nullptr, nullptr, 0, 0, 0);
  Floats sum = fold_window(filled(0.0f), x, all, in, at.n, rows, columns, pitch, c, count, Sum());
  return sum / float((rows.end - rows.begin) * (columns.end - columns.begin));
}

template <class T>
__device__ __forceinline__ void shortcut(
    T* y, const T* f, const T* x, const float* scale, const float* shift, int rectify, int sampling, int images,
    Image in, Image out, int x_channels, int channels, int y_pitch, int f_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= images * out.height * out.width || count <= 0) return;
  Floats sum = widen(load(f + size_t(p) * f_pitch + c, count));
  if (c < x_channels) sum = sum + sampled(x, sampling, in, Place(p, out), x_pitch, c, x_channels - c);
  Prologue epilogue{scale, shift, rectify};
  store(y + size_t(p) * y_pitch + c, narrow<T>(epilogue(sum, c, count)), count);
}

template <class T>
__device__ __forceinline__ void pad_channels(
    T* y, const T* x, int pixels, int x_channels, int channels, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  // Where x has no channels left, load reads nothing and answers zeros.
  store(y + size_t(p) * y_pitch + c, load(x + size_t(p) * x_pitch + c, x_channels - c), count);
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) shortcut_##t(                                                    \
      T* y, const T* f, const T* x, const float* scale, const float* shift, int rectify, int sampling, int images,   \
      int height, int width, int out_height, int out_width, int x_channels, int channels, int y_pitch, int f_pitch,  \
      int x_pitch) {                                                                                                 \
    shortcut(y, f, x, scale, shift, rectify, sampling, images, Image{height, width}, Image{out_height, out_width},   \
             x_channels, channels, y_pitch, f_pitch, x_pitch);                                                       \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(shortcut_##t)                                                                                     \
  extern "C" __global__ void __launch_bounds__(256) pad_channels_##t(                                                \
      T* y, const T* x, int pixels, int x_channels, int channels, int y_pitch, int x_pitch) {                        \
    pad_channels(y, x, pixels, x_channels, channels, y_pitch, x_pitch);                                              \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(pad_channels_##t)
FOR_EACH_DTYPE(KERNELS)
