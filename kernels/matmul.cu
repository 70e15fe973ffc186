// matmul.cu: the products of two activations, matrix by matrix.
//
//   y[n,h,w,k] = sum_c a[n,h,w,c] * b[n or 0, h or 0, c, k], or of b[n or 0, h or 0, k, c] if `transposed`
//
// A matrix is a row of an image: its columns w are the matrix' rows. y, a, b: views; step_n, step_h are the pixels of b from
// one image and row to the next, 0 where they share one. Sums in fp32.
// Launch: element-wise over y (common.cuh). Bytes: a once for each eight outputs, b once for each row, most from caches.
// FLOP: 2 a product.
// Check: java -m dev.catena/dev.catena.conformance.Main --op matmul
#include "common.cuh"

template <class T>
struct Matmul {
  View<T> y;
  View<const T> a, b;
  int pixels, height, width, channels, outputs, step_n, step_h, transposed;

  __device__ __forceinline__ void product() const {
    int p = my_pixel(), k = my_channel(), count = outputs - k;
    if (p >= pixels || count <= 0) return;
    int row = p / width, n = row / height, h = row - n * height;
    size_t q = size_t(n) * step_n + size_t(h) * step_h;
    const T* from = a.at(p, 0);
    Floats sum = filled(0.0f);
    if (!transposed) {
      for (int c = 0; c < channels; c++) {
        sum = fma(filled(to_float(from[c])), widen(load(b.at(q + c, k), count)), sum);
      }
    } else {
#pragma unroll
      for (int i = 0; i < VECTOR; i++) {
        if (i < count) {
          Floats part = filled(0.0f);
          for (int c = 0; c < channels; c += VECTOR) {
            Floats v = widen(load(from + c, channels - c));
            part = fma(v, widen(load(b.at(q + k + i, c), channels - c)), part);
          }
          float all = 0.0f;
#pragma unroll
          for (int j = 0; j < VECTOR; j++) all += part[j];
          sum[i] = all;
        }
      }
    }
    store(y.at(p, k), narrow<T>(sum), count);
  }
};

KERNELS(matmul, LOOP, (256), Matmul, product)
