// pool.cuh: windows over prologue(x), shared by pool.cu (no prologue) and scale_shift_pool.cu (BN-ReLU).
#pragma once
#include <cmath>

#include "common.cuh"

// The windows along one axis: tap t of window i lies at i*stride - pad + t*dilation; `end` cells are padding behind it.
struct Taps {
  int kernel, stride, pad, end, dilation;

  __device__ __forceinline__ int first(int out) const { return out * stride - pad; }
  // How many taps lie in `cells` cells from one tap on.
  __device__ __forceinline__ int within(int cells) const {
    return dilation == 1 ? cells : (cells + dilation - 1) / dilation;
  }
};

// Every `step`-th pixel of [begin, end) of one axis that a window sees, `length` in all; `span` counts the padding too,
// as far as it reaches.
struct Window {
  int begin, end, step, length, span;

  __device__ __forceinline__ Window(int out, Taps of, int size) : step(of.dilation) {
    int first = of.first(out), last = min(first + (of.kernel - 1) * step + 1, size + of.end);
    span = of.within(last - first);
    begin = first < 0 ? first + of.within(-first) * step : first;
    end = min(last, size);
    length = of.within(max(end - begin, 0));
  }
};

// Pixels [begin, end) of one axis of `over` that have a share in pixel `at` of `of` when the axis is resized; and so
// the other way round.
struct Adaptive {
  int begin, end;
  static constexpr int step = 1;

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
    Floats acc, const View<const T>& x, F prologue, Image in, int n, Axis rows, Axis columns, int c, int count,
    Fold fold) {
  for (int h = rows.begin; h < rows.end; h += rows.step) {
    const T* row = x.at((size_t(n) * in.height + h) * in.width, c);
    for (int w = columns.begin; w < columns.end; w += columns.step) {
      acc = fold(acc, prologue(widen(load(row + size_t(w) * x.pitch, count))));
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
  __device__ __forceinline__ Identity() {}
  __device__ __forceinline__ Identity(const Prologue&, int, int) {}
  __device__ __forceinline__ Floats operator()(const Floats& v) const { return v; }
};
struct ScaleShift {
  Floats scale, shift;
  int rectify;
  __device__ __forceinline__ ScaleShift(const Prologue& f, int channel, int count)
      : scale(widen(load(f.scale + channel, count))), shift(widen(load(f.shift + channel, count))),
        rectify(f.rectify) {}
  __device__ __forceinline__ Floats operator()(const Floats& x) const {
    Floats v = fma(scale, x, shift);
    return rectify ? relu(v) : v;
  }
};

// A pool over windows; F: Identity, which leaves `prologue` alone, or ScaleShift.
template <class T>
struct Pool {
  View<T> y;
  View<const T> x;
  Prologue prologue;
  int images;
  Image in, out;
  Taps high, wide;
  int include_pad, channels;

  template <class F>
  __device__ __forceinline__ void max() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= images * out.height * out.width || count <= 0) return;
    Place at(p, out);
    Window rows(at.h, high, in.height), columns(at.w, wide, in.width);
    F f(prologue, c, count);
    Floats best = fold_window(filled(-INFINITY), x, f, in, at.n, rows, columns, c, count, Larger());
    store(y.at(p, c), narrow<T>(best), count);
  }

  template <class F>
  __device__ __forceinline__ void average() const {
    int p = my_pixel(), c = my_channel(), count = channels - c;
    if (p >= images * out.height * out.width || count <= 0) return;
    Place at(p, out);
    Window rows(at.h, high, in.height), columns(at.w, wide, in.width);
    F f(prologue, c, count);
    Floats sum = fold_window(filled(0.0f), x, f, in, at.n, rows, columns, c, count, Sum());
    int cells = include_pad ? rows.span * columns.span : rows.length * columns.length;
    store(y.at(p, c), narrow<T>(sum / float(cells)), count);
  }
};

// Each thread sums its channels over one image, four pixels in flight, in a fixed order.
template <class T>
struct GlobalAverage {
  View<T> y;
  View<const T> x;
  Prologue prologue;
  int images, area, channels;

  template <class F>
  __device__ __forceinline__ void average() const {
    int n = my_pixel(), c = my_channel(), count = channels - c;
    if (n >= images || count <= 0) return;
    F f(prologue, c, count);
    const T* image = x.at(size_t(n) * area, c);
    Floats sum = filled(0.0f);
#pragma unroll 4
    for (int i = 0; i < area; i++) sum = sum + f(widen(load(image + size_t(i) * x.pitch, count)));
    store(y.at(n, c), narrow<T>(sum / float(area)), count);
  }
};
