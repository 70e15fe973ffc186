// excitation.cu: the end of a squeeze-and-excitation block, fused with the addition and the ReLU of its residual block.
//
//   scale_channels:  y[n,p,c] = relu?( x[n,p,c] * g(n,c) + residual[n,p,c] )      g = gate or 1 / (1 + exp(-gate))
//   sigmoid:         y[p,c]   = 1 / (1 + exp(-x[p,c]))
//
// x, y, residual: views; gate: one pixel an image; residual may be null. y may be x or residual.
// Launch: element-wise (common.cuh). Bytes: two or three reads and a write of a value; the gate comes from the cache.
// Check: java -m dev.catena/dev.catena.conformance.Main --op scale-channels,sigmoid
#include <cmath>

#include "common.cuh"

__device__ __forceinline__ Floats sigmoid(Floats v) {
#pragma unroll
  for (int i = 0; i < VECTOR; i++) v[i] = 1.0f / (1.0f + expf(-v[i]));
  return v;
}

template <class T>
struct ScaleChannels {
  View<T> y;
  View<const T> x, gate, residual;
  int squash, rectify, pixels, area, channels;

  __device__ __forceinline__ void scale() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    Floats g = widen(load(gate.at(p / area, c), count));
    Floats r = residual ? widen(load(residual.at(p, c), count)) : filled(0.0f);
    Floats v = fma(widen(load(x.at(p, c), count)), squash ? sigmoid(g) : g, r);
    store(y.at(p, c), narrow<T>(rectify ? relu(v) : v), count);
  }
};

template <class T>
struct Sigmoid {
  View<T> y;
  View<const T> x;
  int pixels, channels;

  __device__ __forceinline__ void squash() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    store(y.at(p, c), narrow<T>(sigmoid(widen(load(x.at(p, c), count)))), count);
  }
};

KERNELS(scale_channels, LOOP, (256), ScaleChannels, scale)
KERNELS(sigmoid, LOOP, (256), Sigmoid, squash)
