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

// `nhwc` with the type T, `nchw` in fp32; either is read and the other written.
template <class T, class Nhwc, class Nchw>
struct Layout {
  View<Nhwc> nhwc;
  Nchw* nchw;
  int pixels, area, channels;

  __device__ __forceinline__ static int my_pixel() { return int(blockIdx.x * blockDim.x + threadIdx.x); }
  __device__ __forceinline__ static int my_channel() { return VECTOR * int(blockIdx.y); }
  __device__ __forceinline__ Nchw* plane(int pixel, int channel) const {
    int n = pixel / area;
    return nchw + (size_t(n) * channels + channel) * area + (pixel - n * area);
  }

  __device__ __forceinline__ void from_nchw() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels) return;
    Vector<T> v;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) v[i] = from_float<T>(i < count ? plane(p, c)[size_t(i) * area] : 0.0f);
    store(nhwc.at(p, c), v, count);
  }
  __device__ __forceinline__ void to_nchw() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels) return;
    Vector<T> v = load(nhwc.at(p, c), count);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) if (i < count) plane(p, c)[size_t(i) * area] = to_float(v[i]);
  }
};

template <class T>
using FromNchw = Layout<T, T, const float>;
template <class T>
using ToNchw = Layout<T, const T, float>;
KERNELS(from_nchw, LOOP, (256), FromNchw, from_nchw)
KERNELS(to_nchw, LOOP, (256), ToNchw, to_nchw)
