// sample.cu: an image read at places of a grid, between pixels too; and the gradient. Pads, crops, flips and resizes.
//
//   sample:           y[n,i,j,c]  = x[n, rows[i], columns[j], c], between pixels the mean weighted by nearness, and
//                                   `fill` where the place is outside of x
//   sample_backward:  dx[n,h,w,c] = sum over i,j of share(rows[i], h) * share(columns[j], w) * g[n,i,j,c]
//
// A coordinate is inside from 0 to the last pixel; share(a, h) = max(0, 1 - |a - h|) for one that is, else 0. A pixel of
// dx asks every row, and of a row that shares every column, so that nobody adds to what others add to.
// Launch: element-wise over pixels of y, of dx (common.cuh). Bytes: x, up to four times out of the caches, and y.
// Check: java -m dev.catena/dev.catena.conformance.Main --op sample,sample-backward
#include <cmath>

#include "pool.cuh"

__device__ __forceinline__ bool inside(float at, int size) { return at >= 0 && at <= float(size - 1); }

// The share of pixel `pixel` in what lies at coordinate `at`.
__device__ __forceinline__ float share(float at, int pixel, int size) {
  return inside(at, size) ? 1 - fabsf(at - float(pixel)) : 0;
}

template <class T>
struct Sample {
  View<T> y;
  View<const T> x;
  const float* rows;
  const float* columns;
  int images;
  Image in, out;
  int channels;
  float fill;

  // Two neighbours in one row; the second is read only if it has a share.
  __device__ __forceinline__ Floats between(const T* first, float right, int count) const {
    Floats v = widen(load(first, count));
    return right > 0 ? fma(widen(load(first + x.pitch, count)), filled(right), v * (1 - right)) : v;
  }

  __device__ __forceinline__ void apply() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= images * out.height * out.width || count <= 0) return;
    Place at(p, out);
    float row = rows[at.h], column = columns[at.w];
    Floats v = filled(fill);
    if (inside(row, in.height) && inside(column, in.width)) {
      int h = int(row), w = int(column);
      float down = row - float(h), right = column - float(w);
      const T* first = x.at((size_t(at.n) * in.height + h) * in.width + w, c);
      v = between(first, right, count);
      if (down > 0) v = fma(between(first + size_t(in.width) * x.pitch, right, count), filled(down), v * (1 - down));
    }
    store(y.at(p, c), narrow<T>(v), count);
  }
};

template <class T>
struct SampleBackward {
  View<T> dx;
  View<const T> g;
  const float* rows;
  const float* columns;
  int images;
  Image in, out;
  int channels;

  __device__ __forceinline__ void apply() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= images * in.height * in.width || count <= 0) return;
    Place at(p, in);
    Floats sum = filled(0.0f);
    for (int i = 0; i < out.height; i++) {
      float high = share(rows[i], at.h, in.height);
      if (high <= 0) continue;
      const T* row = g.at((size_t(at.n) * out.height + i) * out.width, c);
      for (int j = 0; j < out.width; j++) {
        float both = high * share(columns[j], at.w, in.width);
        if (both > 0) sum = fma(widen(load(row + size_t(j) * g.pitch, count)), filled(both), sum);
      }
    }
    store(dx.at(p, c), narrow<T>(sum), count);
  }
};

KERNELS(sample, LOOP, (256), Sample, apply)
KERNELS(sample_backward, LOOP, (256), SampleBackward, apply)
