// arrange.cu: the elements of an activation in another order: transposed, sliced, reshaped, repeated.
//
//   y[k] = x[offset + sum_i digit_i(k) * stride_i]
//
// k counts the elements of y in the order N,H,W,C, the index in brackets those of x. digit_i(k) are the digits of k in a
// number system whose bases are the extents, the last for the lowest digit; extents of 1 fill up to eight.
// y: a view of `pixels` x `channels`; x: a view of pixels of `x_channels`. Both have fewer than 2^31 elements.
// Launch: element-wise (common.cuh). Bytes: one read of what is taken, one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op arrange
#include "common.cuh"

struct Eight { int i0, i1, i2, i3, i4, i5, i6, i7; };

template <class T>
struct Arrange {
  View<T> y;
  View<const T> x;
  int pixels, channels, x_channels, offset;
  Eight extents, strides;

  __device__ __forceinline__ int source(int index) const {
    const int e[8] = {extents.i0, extents.i1, extents.i2, extents.i3, extents.i4, extents.i5, extents.i6, extents.i7};
    const int s[8] = {strides.i0, strides.i1, strides.i2, strides.i3, strides.i4, strides.i5, strides.i6, strides.i7};
    int from = offset;
#pragma unroll
    for (int i = 7; i >= 0; i--) {
      if (e[i] > 1) {
        int rest = index / e[i];
        from += (index - rest * e[i]) * s[i];
        index = rest;
      }
    }
    return from;
  }

  __device__ __forceinline__ void arrange() const {
    int p = my_pixel(), c = my_channel(), count = min(channels - c, VECTOR);
    if (p >= pixels || count <= 0) return;
    int index = p * channels + c, from = source(index), pixel = from / x_channels, channel = from - pixel * x_channels;
    bool run = strides.i7 == 1 && index % extents.i7 + count <= extents.i7 && channel + count <= x_channels;
    Vector<T> v;
    if (run) {
      v = load(x.at(pixel, channel), count);
    } else {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        from = source(index + min(i, count - 1));
        pixel = from / x_channels;
        v[i] = *x.at(pixel, from - pixel * x_channels);
      }
    }
    store(y.at(p, c), v, count);
  }
};

KERNELS(arrange, LOOP, (256), Arrange, arrange)
