// pool.cuh: windows over prologue(x), shared by pool.cu (no prologue) and scale_shift_pool.cu (BN-ReLU).
#pragma once
#include <cmath>

#include "common.cuh"

// Pixels [begin, end) of one axis that a window sees; `span` counts the padding too, as far as it reaches.
struct Window {
  int begin, end, span;

  __device__ __forceinline__ Window(int out, int kernel, int stride, int pad, int size) {
    int first = out * stride - pad, last = min(first + kernel, size + pad);
    span = last - first;
    begin = max(first, 0);
    end = min(last, size);
  }
};

// Pixels [begin, end) of one axis of `over` that have a share in pixel `at` of `of` when the axis is resized; and so
// the other way round.
struct Adaptive {
  int begin, end;

  __device__ __forceinline__ Adaptive(int at, int of, int over)
      : begin(at * over / of), end(((at + 1) * over + of - 1) / of) {}
  __device__ __forceinline__ int length() const { return end - begin; }
};

struct Image { int height, width; };

// An output pixel as (n, oh, ow).
struct Place {
  int n, h, w;

  __device__ __forceinline__ Place(int pixel, Image out) {
    int row = pixel / out.width;
    w = pixel - row * out.width;
    n = row / out.height;
    h = row - n * out.height;
  }
};

// Folds the pixels of one window, row by row: acc = fold(acc, prologue(x)).
template <class T, class F, class Axis, class Fold>
__device__ __forceinline__ Floats fold_window(
    Floats acc, const T* x, F prologue, Image in, int n, Axis rows, Axis columns, int pitch, int c, int count,
    Fold fold) {
  for (int h = rows.begin; h < rows.end; h++) {
    const T* row = x + (size_t(n) * in.height + h) * in.width * pitch + c;
    for (int w = columns.begin; w < columns.end; w++) {
      acc = fold(acc, prologue(widen(load(row + size_t(w) * pitch, count))));
    }
  }
  return acc;
}

struct Larger {
  __device__ __forceinline__ Floats operator()(const Floats& a, const Floats& b) const { return larger(a, b); }
};
struct Sum {
  __device__ __forceinline__ Floats operator()(const Floats& a, const Floats& b) const { return a + b; }
};

// The prologue of one thread's channels, kept in registers.
struct Identity {
  __device__ __forceinline__ Identity(const float*, const float*, int, int, int) {}
  __device__ __forceinline__ Floats operator()(const Floats& v) const { return v; }
};
struct ScaleShift {
  Floats scale, shift;
  int rectify;
  __device__ __forceinline__ ScaleShift(const float* s, const float* t, int rectify, int channel, int count)
      : scale(widen(load(s + channel, count))), shift(widen(load(t + channel, count))), rectify(rectify) {}
  __device__ __forceinline__ Floats operator()(const Floats& x) const {
    Floats v = fma(scale, x, shift);
    return rectify ? relu(v) : v;
  }
};

template <class F, class T>
__device__ __forceinline__ void max_pool(
    T* y, const T* x, const float* scale, const float* shift, int rectify, int images, Image in, Image out, int kernel,
    int stride, int pad, int channels, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= images * out.height * out.width || count <= 0) return;
  Place at(p, out);
  Window rows(at.h, kernel, stride, pad, in.height), columns(at.w, kernel, stride, pad, in.width);
  F f(scale, shift, rectify, c, count);
  Floats best = fold_window(filled(-INFINITY), x, f, in, at.n, rows, columns, x_pitch, c, count, Larger());
  store(y + size_t(p) * y_pitch + c, narrow<T>(best), count);
}

template <class F, class T>
__device__ __forceinline__ void average_pool(
    T* y, const T* x, const float* scale, const float* shift, int rectify, int images, Image in, Image out, int kernel,
    int stride, int pad, int include_pad, int channels, int y_pitch, int x_pitch) {
  int p = my_pixel(), c = my_channel(), count = channels - c;
  if (p >= images * out.height * out.width || count <= 0) return;
  Place at(p, out);
  Window rows(at.h, kernel, stride, pad, in.height), columns(at.w, kernel, stride, pad, in.width);
  F f(scale, shift, rectify, c, count);
  Floats sum = fold_window(filled(0.0f), x, f, in, at.n, rows, columns, x_pitch, c, count, Sum());
  float cells = include_pad ? float(rows.span * columns.span)
                            : float((rows.end - rows.begin) * (columns.end - columns.begin));
  store(y + size_t(p) * y_pitch + c, narrow<T>(sum / cells), count);
}

// Each thread sums its channels over one image, four pixels in flight, in a fixed order.
template <class F, class T>
__device__ __forceinline__ void global_average(
    T* y, const T* x, const float* scale, const float* shift, int rectify, int images, int area, int channels,
    int y_pitch, int x_pitch) {
  int n = my_pixel(), c = my_channel(), count = channels - c;
  if (n >= images || count <= 0) return;
  F f(scale, shift, rectify, c, count);
  const T* image = x + size_t(n) * area * x_pitch + c;
  Floats sum = filled(0.0f);
#pragma unroll 4
  for (int i = 0; i < area; i++) sum = sum + f(widen(load(image + size_t(i) * x_pitch, count)));
  store(y + size_t(n) * y_pitch + c, narrow<T>(sum / float(area)), count);
}
