// norm.cu: values less their mean, over their deviation; times a scale, plus a shift for each channel.
//
//   y = scale[c] * (x - mean) / sqrt(variance + epsilon) + shift[c]; with `root` x / sqrt(mean of x^2 + epsilon) in between
//
// mean and variance of a set: the channels of one group, channels / groups of them, in `area` neighbouring pixels. A layer
// norm has area 1 and one group, a group norm the area of an image, an instance norm a group for each channel too.
// x, y: views of `sets` / groups * area pixels; y may be x. Sums in fp32, of the variance after the mean is known.
// Two forms: `norm`, a warp a set, block (32, 4), grid (sets / 4), rounded up; `norm_sets`, a thread a set, without
// barriers, for the CPU: block (1), grid (sets).
// Bytes: three reads (two from the caches where a set fits), one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op layer-norm,group-norm
#include <cmath>

#include "common.cuh"

template <class T>
struct Norm {
  View<T> y;
  View<const T> x;
  const float* scale;
  const float* shift;
  int sets, area, channels, groups, root;
  float epsilon;

  template <int LANES>
  __device__ __forceinline__ float total(const Floats& v) const {
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) sum += v[i];
    if constexpr (LANES > 1) {
#pragma unroll
      for (int with = LANES / 2; with > 0; with /= 2) sum += __shfl_xor_sync(~0u, sum, with);
    }
    return sum;
  }

  // LANES threads share a set: 32 of a warp, or 1.
  template <int LANES>
  __device__ __forceinline__ void set() const {
    int set = int(blockIdx.x * blockDim.y + threadIdx.y), lane = LANES > 1 ? int(threadIdx.x) : 0;
    if (set >= sets) return;
    int each = channels / groups, first = set % groups * each, vectors = (each + VECTOR - 1) / VECTOR;
    int units = area * vectors;
    size_t pixel = size_t(set / groups) * area;
    float count = float(area) * float(each), mean = 0.0f;
    if (!root) {
      Floats sum = filled(0.0f);
      for (int u = lane; u < units; u += LANES) {
        int p = u / vectors, c = (u - p * vectors) * VECTOR;
        sum = sum + widen(load(x.at(pixel + p, first + c), each - c));
      }
      mean = total<LANES>(sum) / count;
    }
    Floats squares = filled(0.0f);
    for (int u = lane; u < units; u += LANES) {
      int p = u / vectors, c = (u - p * vectors) * VECTOR;
      Floats v = widen(load(x.at(pixel + p, first + c), each - c));
#pragma unroll
      for (int i = 0; i < VECTOR; i++) v[i] = c + i < each ? v[i] - mean : 0.0f;
      squares = fma(v, v, squares);
    }
    float inverse = 1.0f / sqrtf(total<LANES>(squares) / count + epsilon);
    for (int u = lane; u < units; u += LANES) {
      int p = u / vectors, c = (u - p * vectors) * VECTOR;
      Floats v = widen(load(x.at(pixel + p, first + c), each - c));
      Floats s = widen(load(scale + first + c, each - c)), t = widen(load(shift + first + c, each - c));
      v = fma((v - filled(mean)) * inverse, s, t);
      store(y.at(pixel + p, first + c), narrow<T>(v), each - c);
    }
  }
};

KERNELS(norm, FIBERS, (128), Norm, set<32>)
KERNELS(norm_sets, LOOP, (32), Norm, set<1>)
