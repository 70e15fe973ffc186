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

// The windows along one axis: tap t of window i lies at i * stride - pad + t * dilation; `end` cells
// are padding behind the image.
struct Taps {
  int kernel, stride, pad, end, dilation;

  // How many taps lie in `cells` cells from one tap on.
  int within(int cells) const { return dilation == 1 ? cells : (cells + dilation - 1) / dilation; }
};

template <class S>
struct Pool {
  Image<S> image;
  typename S::Element* y;
  int yPitch, images, outHeight, outWidth, kind;
  Taps high, wide;
  int includePad, rows;

  void run() const;
};

// Every `step`-th pixel of [begin, end) of one axis that a window sees, `length` in all; `span`
// counts the padding too.
struct Window {
  int begin, end, step, length, span;
  Window(int out, Taps of, int size) : step(of.dilation) {
    const int first = out * of.stride - of.pad;
    const int last = std::min(first + (of.kernel - 1) * step + 1, size + of.end);
    span = of.within(last - first);
    begin = first < 0 ? first + of.within(-first) * step : first;
    end = std::min(last, size);
    length = of.within(std::max(end - begin, 0));
  }
};

template <class S>
inline Vec fold(const Pool<S>& p, const typename S::Element* image, Window rows, Window columns,
                int c, int count) {
  Vec all = splat(p.kind == kMax ? -std::numeric_limits<float>::infinity() : 0);
  for (int h = rows.begin; h < rows.end; h += rows.step) {
    for (int w = columns.begin; w < columns.end; w += columns.step) {
      const Image<S>& of = p.image;
      Vec v = readSome<S>(image + ((long)h * of.width + w) * of.pitch + c, count);
      v = applyPrologue(v, of.prologue, of.scale + c, of.shift + c, count);
      all = p.kind == kMax ? maxOrNan(all, v) : add(all, v);
    }
  }
  if (p.kind == kMax) return all;
  const int inside = rows.length * columns.length;
  return all / splat(p.includePad ? rows.span * columns.span : inside);
}

template <class S>
void Pool<S>::run() const {
  const int first = blockIdx.x * rows;
  const int last = std::min(first + rows, images * outHeight);
  for (int row = first; row < last; row++) {
    const long before = (long)(row / outHeight) * image.height * image.width;  // pixels
    const Window down(row % outHeight, high, image.height);
    for (int column = 0; column < outWidth; column++) {
      const Window across(column, wide, image.width);
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
