// plain_network_backward.cu: gradients by the inputs of plain_network.cu.
//
//   local_response_norm_backward:  dx[p,c] = g[p,c]*S[c]^-beta - 2*alpha*beta/size * x[p,c] * sum_j g[p,j]*x[p,j]
//                                  *S[j]^(-beta-1)
//                                  S[j] = k + alpha/size * sum_i x[p,i]^2, i as there; j: the channels whose sum has c
//   adaptive_average_backward:     dx[n,h,w,c] = sum of g[n,i,j,c] / cells of (i,j), over the windows that have
//                                  the pixel
//   flatten_backward:              dx[n,p,c] = g[n, c*area + p]
//
// g, x, dx: views; g of flatten is one pixel an image.
// Launch: element-wise over dx's pixels (common.cuh). Bytes: one read of g (and x), one write; neighbours from the
// cache.
// Check: java -m dev.catena/dev.catena.conformance.Main --op lrn-backward,adaptive-average-backward,flatten-backward
#include "pool.cuh"

template <class T>
struct LocalResponseNormBackward {
  View<T> dx;
  View<const T> g, x;
  int pixels, channels, size;
  float alpha, beta, k;

  __device__ __forceinline__ void norm() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    const T *values = x.at(p, 0), *gradients = g.at(p, 0);
    int below = size / 2, above = size - 1 - below;
    float share = alpha / float(size);
    Floats own = filled(0.0f), others = filled(0.0f), lane;
#pragma unroll
    for (int i = 0; i < VECTOR; i++) lane[i] = float(i);
    for (int j = max(c - above, 0); j < min(c + VECTOR + below, channels); j++) {
      float sum = 0.0f;
      for (int i = max(j - below, 0); i <= min(j + above, channels - 1); i++) {
        float v = to_float(values[i]);
        sum = fmaf(v, v, sum);
      }
      float base = fmaf(share, sum, k), direct = to_float(gradients[j]) * powf(base, -beta);
      float through = direct * to_float(values[j]) / base;
      Floats away = filled(float(j - c)) - lane, zero = filled(0.0f);
      own = greater(filled(0.5f), away * away, filled(direct), own);
      Floats reached = greater(filled(float(below) + 0.5f), away, filled(through), zero);
      others = others + greater(away, filled(-float(above) - 0.5f), reached, zero);
    }
    Floats v = fma(widen(load(values + c, count)) * (-2.0f * beta * share), others, own);
    store(dx.at(p, c), narrow<T>(v), count);
  }
};

template <class T>
struct AdaptiveAverageBackward {
  View<T> dx;
  View<const T> g;
  int images;
  Image in, out;
  int channels;

  __device__ __forceinline__ void average() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= images * in.height * in.width || count <= 0) return;
    Place at(p, in);
    Adaptive rows(at.h, in.height, out.height), columns(at.w, in.width, out.width);
    Floats sum = filled(0.0f);
    for (int i = rows.begin; i < rows.end; i++) {
      for (int j = columns.begin; j < columns.end; j++) {
        int cells = Adaptive(i, out.height, in.height).length() * Adaptive(j, out.width, in.width).length();
        const T* window = g.at((size_t(at.n) * out.height + i) * out.width + j, c);
        sum = fma(widen(load(window, count)), filled(1.0f / float(cells)), sum);
      }
    }
    store(dx.at(p, c), narrow<T>(sum), count);
  }
};

template <class T>
struct FlattenBackward {
  View<T> dx;
  View<const T> g;
  int pixels, area, channels;

  __device__ __forceinline__ void flatten() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    int n = p / area;
    const T* source = g.at(n, p - n * area);
    Vector<T> v{};
#pragma unroll
    for (int i = 0; i < VECTOR; i++) if (i < count) v[i] = source[size_t(c + i) * area];
    store(dx.at(p, c), v, count);
  }
};

KERNELS(local_response_norm_backward, LOOP, (256), LocalResponseNormBackward, norm)
KERNELS(adaptive_average_backward, LOOP, (256), AdaptiveAverageBackward, average)
KERNELS(flatten_backward, LOOP, (256), FlattenBackward, flatten)
