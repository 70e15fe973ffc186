// Largest or mean value of each window of prologue(x), from and into channel views.
//
// Launch: one block for `rows` output rows of the whole batch, one thread. A window is folded in
// registers, one vector of channels at a time, row by row. A mean divides by the cells inside the
// image, or with include_pad by those that the padding adds; what a partial window has beyond the
// padding does not count. A maximum of NaN is NaN.
#include "kernel.h"
#include "panel.h"

#include <algorithm>
#include <limits>

namespace {

using namespace host;

enum Kind { kMax = 0, kAverage = 1 };

template <class S>
struct Pool {
  const typename S::Element* x;
  typename S::Element* y;
  const float *scale, *shift;
  int images, height, width, outHeight, outWidth, xPitch, yPitch, channels;
  int kind, kernel, stride, pad, includePad, prologue, rows;
};

// Pixels [begin, end) of one axis that a window sees; `span` counts the padding too.
struct Window {
  int begin, end, span;
  Window(int out, int kernel, int stride, int pad, int size) {
    const int first = out * stride - pad;
    const int last = std::min(first + kernel, size + pad);
    span = last - first;
    begin = std::max(first, 0);
    end = std::min(last, size);
  }
};

template <class S>
inline Vec fold(const Pool<S>& p, const typename S::Element* image, Window rows, Window columns,
                int c, int count) {
  Vec all = splat(p.kind == kMax ? -std::numeric_limits<float>::infinity() : 0);
  for (int h = rows.begin; h < rows.end; h++) {
    for (int w = columns.begin; w < columns.end; w++) {
      const typename S::Element* from = image + ((long)h * p.width + w) * p.xPitch + c;
      Vec v = readSome<S>(from, count);
      v = applyPrologue(v, p.prologue, p.scale + c, p.shift + c, count);
      all = p.kind == kMax ? maxOrNan(all, v) : add(all, v);
    }
  }
  if (p.kind == kMax) return all;
  const int inside = (rows.end - rows.begin) * (columns.end - columns.begin);
  return all / splat(p.includePad ? rows.span * columns.span : inside);
}

template <class S>
void pool(const Pool<S>& p, int block) {
  const int first = block * p.rows;
  const int last = std::min(first + p.rows, p.images * p.outHeight);
  for (int row = first; row < last; row++) {
    const typename S::Element* image =
        p.x + (long)(row / p.outHeight) * p.height * p.width * p.xPitch;
    const Window rows(row % p.outHeight, p.kernel, p.stride, p.pad, p.height);
    for (int column = 0; column < p.outWidth; column++) {
      const Window columns(column, p.kernel, p.stride, p.pad, p.width);
      typename S::Element* to = p.y + ((long)row * p.outWidth + column) * p.yPitch;
      for (int c = 0; c < p.channels; c += kLanes) {
        const int count = p.channels - c;
        writeSome<S>(to + c, fold(p, image, rows, columns, c, count), count);
      }
    }
  }
}

}  // namespace

#define TILED_POOL(name, S)                                                                       \
  extern "C" __global__ void name(const S::Element* x, S::Element* y, const float* scale,         \
                                  const float* shift, int images, int height, int width,          \
                                  int outHeight, int outWidth, int xPitch, int yPitch,            \
                                  int channels, int kind, int kernel, int stride, int pad,        \
                                  int includePad, int prologue, int rows) {                       \
    const Pool<S> p{x,      y,      scale,    shift,  images, height, width,      outHeight,      \
                    outWidth, xPitch, yPitch, channels, kind, kernel, stride,     pad,            \
                    includePad, prologue, rows};                                                  \
    pool<S>(p, blockIdx.x);                                                                       \
  }                                                                                               \
  HOST_KERNEL_LOOP(name)

TILED_POOL(tiled_pool_f32, F32)
TILED_POOL(tiled_pool_bf16, Bf16)
TILED_POOL(tiled_pool_f16, F16)
