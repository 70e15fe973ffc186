// cast.cu: one element type to another, between views.
//
//   y[p,c] = round(x[p,c])        to nearest, ties to even; NaN stays NaN, what is too large becomes infinite
//
// x, y: views of `pixels` x `channels` that do not overlap.
// Launch: element-wise (common.cuh). Bytes: one read, one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op copy
#include "common.cuh"

template <class To, class From>
__device__ __forceinline__ void cast(To* y, const From* x, int pixels, int channels, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  store(y + size_t(p) * y_pitch + c, narrow<To>(widen(load(x + size_t(p) * x_pitch + c, count))), count);
}

#define KERNEL(From, from, To, to)                                                                                   \
  extern "C" __global__ void __launch_bounds__(256) cast_##from##_##to(                                              \
      To* y, const From* x, int pixels, int channels, int y_pitch, int x_pitch) {                                    \
    cast(y, x, pixels, channels, y_pitch, x_pitch);                                                                  \
  }
KERNEL(float, f32, half, f16)
KERNEL(float, f32, bfloat16, bf16)
KERNEL(half, f16, float, f32)
KERNEL(half, f16, bfloat16, bf16)
KERNEL(bfloat16, bf16, float, f32)
KERNEL(bfloat16, bf16, half, f16)

HOST_KERNEL_LOOP(cast_f32_f16)
HOST_KERNEL_LOOP(cast_f32_bf16)
HOST_KERNEL_LOOP(cast_f16_f32)
HOST_KERNEL_LOOP(cast_f16_bf16)
HOST_KERNEL_LOOP(cast_bf16_f32)
HOST_KERNEL_LOOP(cast_bf16_f16)
