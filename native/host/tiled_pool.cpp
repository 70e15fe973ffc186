// Largest or mean value of each window of prologue(x), from and into channel views.
//
// Launch: one block for `rows` output rows of the whole batch, one thread. A window is folded in
// registers, one vector of channels at a time, row by row. A mean divides by the cells inside the
// image, or with include_pad by those that the padding adds; what a partial window has beyond the
// padding does not count. A maximum of NaN is NaN.
#include "kernel.h"
#include "strip.h"

#include <algorithm>
#include <limits>

namespace {

using namespace host;

enum Kind { kMax = 0, kAverage = 1 };

template <class S>
struct Pool {
  Image<S> image;
  typename S::Element* y;
  int yPitch, images, outHeight, outWidth, kind, kernel, stride, pad, includePad, rows;

  void run() const;
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
      const Image<S>& of = p.image;
      Vec v = readSome<S>(image + ((long)h * of.width + w) * of.pitch + c, count);
      v = applyPrologue(v, of.prologue, of.scale + c, of.shift + c, count);
      all = p.kind == kMax ? maxOrNan(all, v) : add(all, v);
    }
  }
  if (p.kind == kMax) return all;
  const int inside = (rows.end - rows.begin) * (columns.end - columns.begin);
  return all / splat(p.includePad ? rows.span * columns.span : inside);
}

template <class S>
void Pool<S>::run() const {
  const int first = blockIdx.x * rows;
  const int last = std::min(first + rows, images * outHeight);
  for (int row = first; row < last; row++) {
    const long before = (long)(row / outHeight) * image.height * image.width;  // pixels
    const Window down(row % outHeight, kernel, stride, pad, image.height);
    for (int column = 0; column < outWidth; column++) {
      const Window across(column, kernel, stride, pad, image.width);
      typename S::Element* to = y + ((long)row * outWidth + column) * yPitch;
      for (int c = 0; c < image.channels; c += kLanes) {
        const int count = image.channels - c;
        const typename S::Element* from = image.at + before * image.pitch;
        writeSome<S>(to + c, fold(*this, from, down, across, c, count), count);
      }
    }
  }
}

}  // namespace

KERNELS(tiled_pool, Pool, run)
