// scale_shift.cu: batch normalisation with known statistics, ReLU alone, or a bias alone.
//
//   y[p,c] = relu?(scale[c]*x[p,c] + shift[c])        a null scale is one, a null shift zero
//
// x, y: views of `pixels` x `channels`; scale, shift: fp32. y may be x itself.
// Launch: element-wise (common.cuh). Bytes: one read of x, one write of y. FLOP: 2 a value.
// Check: java -m dev.catena/dev.catena.conformance.Main --op scale-shift,relu
#include "common.cuh"

template <class T>
__device__ __forceinline__ void scale_shift(
    T* y, const T* x, const float* scale, const float* shift, int pixels, int channels, int y_pitch, int x_pitch,
    int rectify) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  Prologue f{scale, shift, rectify};
  store(y + size_t(p) * y_pitch + c, narrow<T>(f(widen(load(x + size_t(p) * x_pitch + c, count)), c, count)), count);
}

#define KERNEL(T, t)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(256) scale_shift_##t(                                                 \
      T* y, const T* x, const float* scale, const float* shift, int pixels, int channels, int y_pitch, int x_pitch,  \
      int rectify) {                                                                                                 \
    scale_shift(y, x, scale, shift, pixels, channels, y_pitch, x_pitch, rectify);                                    \
  }
FOR_EACH_DTYPE(KERNEL)

HOST_KERNEL_LOOP(scale_shift_f32)
HOST_KERNEL_LOOP(scale_shift_f16)
HOST_KERNEL_LOOP(scale_shift_bf16)
