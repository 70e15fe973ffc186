// concat_copy.cu: one input of a concatenation into its channel range, where the plan could not place it there.
//
//   y[p,c] = x[p,c]        bit for bit; y is a slice of the output and may begin at any channel
//
// x, y: views of `pixels` x `channels` that do not overlap.
// Launch: element-wise (common.cuh). Bytes: one read, one write. A concatenation is one launch an input.
// Check: java -m dev.catena/dev.catena.conformance.Main --op concat
#include "common.cuh"

template <class T>
__device__ __forceinline__ void concat_copy(T* y, const T* x, int pixels, int channels, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  store(y + size_t(p) * y_pitch + c, load(x + size_t(p) * x_pitch + c, count), count);
}

#define KERNEL(T, t)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(256) concat_copy_##t(                                                 \
      T* y, const T* x, int pixels, int channels, int y_pitch, int x_pitch) {                                        \
    concat_copy(y, x, pixels, channels, y_pitch, x_pitch);                                                           \
  }
FOR_EACH_DTYPE(KERNEL)

HOST_KERNEL_LOOP(concat_copy_f32)
HOST_KERNEL_LOOP(concat_copy_f16)
HOST_KERNEL_LOOP(concat_copy_bf16)
