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
struct Clip {
  View<T> y;
  View<const T> x;
  int pixels, channels;
  float min, max;

  __device__ __forceinline__ void clip() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    Floats v = widen(load(x.at(p, c), count));
#pragma unroll
    for (int i = 0; i < VECTOR; i++) v[i] = v[i] < min ? min : v[i] > max ? max : v[i];
    store(y.at(p, c), narrow<T>(v), count);
  }
};

template <class T>
struct ClipBackward {
  View<T> dx;
  View<const T> g, x;
  int pixels, channels;
  float min, max;

  __device__ __forceinline__ void clip() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    Floats d = widen(load(g.at(p, c), count)), v = widen(load(x.at(p, c), count));
#pragma unroll
    for (int i = 0; i < VECTOR; i++) d[i] = v[i] > min && v[i] < max ? d[i] : 0.0f;
    store(dx.at(p, c), narrow<T>(d), count);
  }
};

KERNELS(clip, LOOP, (256), Clip, clip)
KERNELS(clip_backward, LOOP, (256), ClipBackward, clip)
