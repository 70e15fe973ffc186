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
__device__ __forceinline__ void local_response_norm_backward(
    T* dx, const T* g, const T* x, int pixels, int channels, int size, float alpha, float beta, float k, int dx_pitch,
    int g_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  const T *values = x + size_t(p) * x_pitch, *gradients = g + size_t(p) * g_pitch;
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
  store(dx + size_t(p) * dx_pitch + c, narrow<T>(v), count);
}

template <class T>
__device__ __forceinline__ void adaptive_average_backward(
    T* dx, const T* g, int images, Image in, Image out, int channels, int dx_pitch, int g_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= images * in.height * in.width || count <= 0) return;
  Place at(p, in);
  Adaptive rows(at.h, in.height, out.height), columns(at.w, in.width, out.width);
  Floats sum = filled(0.0f);
  for (int i = rows.begin; i < rows.end; i++) {
    for (int j = columns.begin; j < columns.end; j++) {
      int cells = Adaptive(i, out.height, in.height).length() * Adaptive(j, out.width, in.width).length();
      const T* window = g + ((size_t(at.n) * out.height + i) * out.width + j) * g_pitch + c;
      sum = fma(widen(load(window, count)), filled(1.0f / float(cells)), sum);
    }
  }
  store(dx + size_t(p) * dx_pitch + c, narrow<T>(sum), count);
}

template <class T>
__device__ __forceinline__ void flatten_backward(
    T* dx, const T* g, int pixels, int area, int channels, int dx_pitch, int g_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  int n = p / area;
  const T* source = g + size_t(n) * g_pitch + p - n * area;
  Vector<T> v{};
#pragma unroll
  for (int i = 0; i < VECTOR; i++) if (i < count) v[i] = source[size_t(c + i) * area];
  store(dx + size_t(p) * dx_pitch + c, v, count);
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) local_response_norm_backward_##t(                                \
      T* dx, const T* g, const T* x, int pixels, int channels, int size, float alpha, float beta, float k,           \
      int dx_pitch, int g_pitch, int x_pitch) {                                                                      \
    local_response_norm_backward(dx, g, x, pixels, channels, size, alpha, beta, k, dx_pitch, g_pitch, x_pitch);      \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(local_response_norm_backward_##t)                                                                 \
  extern "C" __global__ void __launch_bounds__(256) adaptive_average_backward_##t(                                   \
      T* dx, const T* g, int images, int height, int width, int out_height, int out_width, int channels,             \
      int dx_pitch, int g_pitch) {                                                                                   \
    adaptive_average_backward(dx, g, images, Image{height, width}, Image{out_height, out_width}, channels, dx_pitch, \
                              g_pitch);                                                                              \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(adaptive_average_backward_##t)                                                                    \
  extern "C" __global__ void __launch_bounds__(256) flatten_backward_##t(                                            \
      T* dx, const T* g, int pixels, int area, int channels, int dx_pitch, int g_pitch) {                            \
    flatten_backward(dx, g, pixels, area, channels, dx_pitch, g_pitch);                                              \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(flatten_backward_##t)
FOR_EACH_DTYPE(KERNELS)
