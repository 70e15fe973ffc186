// excitation_backward.cu: gradients of excitation.cu; that by x is scale_channels of g.
//
//   gate_backward:     dgate[n,c] = slope * sum_p g[n,p,c]*x[n,p,c]    slope: s*(1 - s), s = 1 / (1 + exp(-gate)), or 1
//   sigmoid_backward:  dx[p,c] = g[p,c]*y[p,c]*(1 - y[p,c])            y: what the sigmoid made
//
// All: views; gate and dgate are one pixel an image, gate null for a slope of 1. Sums are fp32, in a fixed order.
// Launch: element-wise (common.cuh), gate_backward over images. Bytes: two reads and a write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op gate-backward,sigmoid-backward
#include <cmath>

#include "common.cuh"

__device__ __forceinline__ Floats slope(Floats s) { return s * (filled(1.0f) - s); }

template <class T>
struct GateBackward {
  View<T> dgate;
  View<const T> g, x, gate;
  int images, area, channels;

  __device__ __forceinline__ void sum() const {
    int n = my_pixel(), c = my_channel(), count = channels - c;
    if (n >= images || count <= 0) return;
    size_t first = size_t(n) * area;
    Floats sum = filled(0.0f);
#pragma unroll 4
    for (int p = 0; p < area; p++) {
      sum = fma(widen(load(g.at(first + p, c), count)), widen(load(x.at(first + p, c), count)), sum);
    }
    if (gate) {
      Floats s = widen(load(gate.at(n, c), count));
#pragma unroll
      for (int i = 0; i < VECTOR; i++) s[i] = 1.0f / (1.0f + expf(-s[i]));
      sum = sum * slope(s);
    }
    store(dgate.at(n, c), narrow<T>(sum), count);
  }
};

template <class T>
struct SigmoidBackward {
  View<T> dx;
  View<const T> g, y;
  int pixels, channels;

  __device__ __forceinline__ void squash() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    Floats s = widen(load(y.at(p, c), count));
    store(dx.at(p, c), narrow<T>(widen(load(g.at(p, c), count)) * slope(s)), count);
  }
};

KERNELS(gate_backward, LOOP, (256), GateBackward, sum)
KERNELS(sigmoid_backward, LOOP, (256), SigmoidBackward, squash)
