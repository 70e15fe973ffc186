// plain_network.cu: what AlexNet and VGG have between their convolutions and their classifiers.
//
//   local_response_norm:  y[p,c] = x[p,c] / (k + alpha/size * sum_j x[p,j]^2)^beta   size channels j from c - size/2 on
//   adaptive_average:     y[n,i,j,c] = mean of x[n,h,w,c], floor(i*H/h') <= h < ceil((i+1)*H/h'), w alike
//   flatten:              y[n, c*area + p] = x[n,p,c]                                the order of frameworks
//
// x, y: views; y of flatten is one pixel an image.
// Launch: element-wise over output pixels (common.cuh); flatten element-wise over x's pixels.
// Bytes: one read, one write; the norm reads its neighbours from the cache.
// Check: java -m dev.catena/dev.catena.conformance.Main --op lrn,adaptive-average,flatten
#include "pool.cuh"

template <class T>
__device__ __forceinline__ void local_response_norm(
    T* y, const T* x, int pixels, int channels, int size, float alpha, float beta, float k, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  const T* pixel = x + size_t(p) * x_pitch;
  Floats v = widen(load(pixel + c, count));
  for (int i = 0; i < min(VECTOR, count); i++) {
    float sum = 0.0f;
    int first = c + i - size / 2;
    for (int j = max(first, 0); j < min(first + size, channels); j++) {
      float neighbour = to_float(pixel[j]);
      sum = fmaf(neighbour, neighbour, sum);
    }
    v[i] = v[i] * powf(fmaf(alpha / float(size), sum, k), -beta);
  }
  store(y + size_t(p) * y_pitch + c, narrow<T>(v), count);
}

template <class T>
__device__ __forceinline__ void adaptive_average(
    T* y, const T* x, int images, Image in, Image out, int channels, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= images * out.height * out.width || count <= 0) return;
  Place at(p, out);
  Adaptive rows(at.h, out.height, in.height), columns(at.w, out.width, in.width);
  Identity all(nullptr, nullptr, 0, 0, 0);
  Floats sum = fold_window(filled(0.0f), x, all, in, at.n, rows, columns, x_pitch, c, count, Sum());
  store(y + size_t(p) * y_pitch + c, narrow<T>(sum / float(rows.length() * columns.length())), count);
}

template <class T>
__device__ __forceinline__ void flatten(
    T* y, const T* x, int pixels, int area, int channels, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= pixels || count <= 0) return;
  Vector<T> v = load(x + size_t(p) * x_pitch + c, count);
  int n = p / area;
  T* target = y + size_t(n) * y_pitch + p - n * area;
#pragma unroll
  for (int i = 0; i < VECTOR; i++) if (i < count) target[size_t(c + i) * area] = v[i];
}

#define KERNELS(T, t)                                                                                                \
  extern "C" __global__ void __launch_bounds__(256) local_response_norm_##t(                                         \
      T* y, const T* x, int pixels, int channels, int size, float alpha, float beta, float k, int y_pitch,           \
      int x_pitch) {                                                                                                 \
    local_response_norm(y, x, pixels, channels, size, alpha, beta, k, y_pitch, x_pitch);                             \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(local_response_norm_##t)                                                                          \
  extern "C" __global__ void __launch_bounds__(256) adaptive_average_##t(                                            \
      T* y, const T* x, int images, int height, int width, int out_height, int out_width, int channels, int y_pitch, \
      int x_pitch) {                                                                                                 \
    adaptive_average(y, x, images, Image{height, width}, Image{out_height, out_width}, channels, y_pitch, x_pitch);  \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(adaptive_average_##t)                                                                             \
  extern "C" __global__ void __launch_bounds__(256) flatten_##t(                                                     \
      T* y, const T* x, int pixels, int area, int channels, int y_pitch, int x_pitch) {                              \
    flatten(y, x, pixels, area, channels, y_pitch, x_pitch);                                                         \
  }                                                                                                                  \
  HOST_KERNEL_LOOP(flatten_##t)
FOR_EACH_DTYPE(KERNELS)
