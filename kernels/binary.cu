// binary.cu: a function of two elements, of which the second may be shared by images, rows, columns or channels.
//
//   y[n,h,w,c] = f(a[n,h,w,c], b[n or 0, h or 0, w or 0, c or 0]), or f(b, a) if `swapped`
//
// f by its number: 0 product, 1 sum, 2 difference, 3 quotient, 4 maximum, 5 minimum, 6 power, 7 PReLU (a if a > 0, else
// b*a). Of a maximum or minimum NaN wins.
// y, a: views of `pixels` x `channels`, y may be a. b: a view; step_n, step_h, step_w are its pixels from one image, row
// and column to the next, 0 where they share one, step_c likewise of channels.
// Launch: element-wise (common.cuh). Bytes: two reads, fewer of what is shared, and one write.
// Check: java -m dev.catena/dev.catena.conformance.Main --op mul,sum,sub,div,max,min,pow,prelu
#include <cmath>

#include "common.cuh"

__device__ __forceinline__ float binary(int function, float a, float b) {
  switch (function) {
    case 0: return a * b;
    case 1: return a + b;
    case 2: return a - b;
    case 3: return a / b;
    case 4: return larger(a, b);
    case 5: return -larger(-a, -b);
    case 6: return powf(a, b);
    default: return a > 0 ? a : b * a;
  }
}

template <class T>
struct Binary {
  View<T> y;
  View<const T> a, b;
  int pixels, height, width, channels, step_n, step_h, step_w, step_c, function, swapped;

  __device__ __forceinline__ void apply() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= pixels || count <= 0) return;
    int row = p / width, w = p - row * width, n = row / height, h = row - n * height;
    size_t q = size_t(n) * step_n + h * step_h + w * step_w;
    Floats v = widen(load(a.at(p, c), count));
    Floats u = step_c ? widen(load(b.at(q, c), count)) : filled(to_float(*b.at(q, 0)));
#pragma unroll
    for (int i = 0; i < VECTOR; i++) v[i] = swapped ? binary(function, u[i], v[i]) : binary(function, v[i], u[i]);
    store(y.at(p, c), narrow<T>(v), count);
  }
};

KERNELS(binary, LOOP, (256), Binary, apply)
