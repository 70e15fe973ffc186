// add.cu: the sum at the end of a residual block.
//
//   y[p,c] = relu?(a[p,c] + b[p,c])
//
// a, b, y: views of `pixels` x `channels`. y may be a or b.
// Launch: element-wise (common.cuh). Bytes: two reads, one write. FLOP: 1 a value.
// Check: java -m dev.catena/dev.catena.conformance.Main --op add
#include "common.cuh"

template <class T>
__device__ __forceinline__ void add(
    T* y, const T* a, const T* b, int pixels, int channels, int y_pitch, int a_pitch, int b_pitch, int rectify) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  Floats sum = widen(load(a + size_t(p) * a_pitch + c, count)) + widen(load(b + size_t(p) * b_pitch + c, count));
  store(y + size_t(p) * y_pitch + c, narrow<T>(rectify ? relu(sum) : sum), count);
}

#define KERNEL(T, t)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(256) add_##t(                                                         \
      T* y, const T* a, const T* b, int pixels, int channels, int y_pitch, int a_pitch, int b_pitch, int rectify) {  \
    add(y, a, b, pixels, channels, y_pitch, a_pitch, b_pitch, rectify);                                              \
  }
FOR_EACH_DTYPE(KERNEL)

HOST_KERNEL_LOOP(add_f32)
HOST_KERNEL_LOOP(add_f16)
HOST_KERNEL_LOOP(add_bf16)
