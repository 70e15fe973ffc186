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
struct LocalResponseNorm {
  View<T> y;
  View<const T> x;
  int pixels, channels, size;
  float alpha, beta, k;

  __device__ __forceinline__ void norm() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    const T* pixel = x.at(p, 0);
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
    store(y.at(p, c), narrow<T>(v), count);
  }
};

template <class T>
struct AdaptiveAverage {
  View<T> y;
  View<const T> x;
  int images;
  Image in, out;
  int channels;

  __device__ __forceinline__ void average() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= images * out.height * out.width || count <= 0) return;
    Place at(p, out);
    Adaptive rows(at.h, out.height, in.height), columns(at.w, out.width, in.width);
    Floats sum = fold_window(filled(0.0f), x, Identity(), in, at.n, rows, columns, c, count, Sum());
    store(y.at(p, c), narrow<T>(sum / float(rows.length() * columns.length())), count);
  }
};

template <class T>
struct Flatten {
  View<T> y;
  View<const T> x;
  int pixels, area, channels;

  __device__ __forceinline__ void flatten() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    Vector<T> v = load(x.at(p, c), count);
    int n = p / area;
    T* target = y.at(n, p - n * area);
#pragma unroll
    for (int i = 0; i < VECTOR; i++) if (i < count) target[size_t(c + i) * area] = v[i];
  }
};

KERNELS(local_response_norm, LOOP, (256), LocalResponseNorm, norm)
KERNELS(adaptive_average, LOOP, (256), AdaptiveAverage, average)
KERNELS(flatten, LOOP, (256), Flatten, flatten)
