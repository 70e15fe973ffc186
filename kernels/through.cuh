// through.cuh: a gradient on its way to the input of an operation, through that operation's prologue.
//
//   y[p,c]   = a?[p,c] + scale[c]*dz[p,c]        dz: what `source` says, where relu?(scale*x + shift) lets it through
//   sums     = sum of dz, sum of dz*(x - mean)   of each channel: what a normalisation's gradient needs
//
// Without a prologue (a null x): y = a? + dz and no sums. y may be a. See strip.cuh for sums and launch.
#pragma once
#include "pool.cuh"
#include "strip.cuh"

// `Source` has at(pixel), where in g a pixel of y finds its own, and operator()(that, channel, count), the gradient by
// the prologue's output, in fp32.
template <class T, class Source>
struct Through {
  Source source;
  View<T> y;
  View<const T> x, a;
  Prologue prologue;
  const float* mean;
  Strips strips;
  static constexpr int UNROLL = Source::UNROLL;

  struct Pixel {
    int p;
    typename Source::At at;
  };
  __device__ __forceinline__ Pixel pixel(int p) const { return {p, source.at(p)}; }

  struct Lane {
    const Through& of;
    int c, count;
    Floats scale, shift, mean;

    template <int SUMS>
    __device__ __forceinline__ void operator()(const Pixel& pixel, Sums<SUMS>& sums) const {
      int p = pixel.p;
      Floats v = of.source(pixel.at, c, count);
      if constexpr (SUMS > 0) {
        Floats x = widen(load(of.x.at(p, c), count));
        if (of.prologue.rectify) v = greater(fma(scale, x, shift), filled(0.0f), v, filled(0.0f));
        sums[0] = sums[0] + v;
        sums[1] = fma(v, x - mean, sums[1]);
        v = scale * v;
      }
      if (of.a) v = v + widen(load(of.a.at(p, c), count));
      store(of.y.at(p, c), narrow<T>(v), count);
    }
    __device__ __forceinline__ void finish(Sums<2>&, int) const {}
  };
  __device__ __forceinline__ Lane lane(int, int c, int count) const {
    Lane made{*this, c, count, filled(0.0f), filled(0.0f), filled(0.0f)};
    if (x) {
      made.scale = widen(load(prologue.scale + c, count));
      made.shift = widen(load(prologue.shift + c, count));
      made.mean = widen(load(mean + c, count));
    }
    return made;
  }

  // With a prologue, or without.
  __device__ __forceinline__ void pass() const {
    if (x) {
      walk<2>(*this, strips);
    } else {
      walk<0>(*this, strips);
    }
  }
  __device__ __forceinline__ void pass_prologue() const { walk<2>(*this, strips); }
};

// One number a pixel of y.
template <class T>
struct Same {
  View<const T> g;
  static constexpr int UNROLL = 2;
  using At = int;
  __device__ __forceinline__ At at(int p) const { return p; }
  __device__ __forceinline__ Floats operator()(At row, int c, int count) const {
    return widen(load(g.at(row, c), count));
  }
};

// Of a mean over `area` pixels one number for them all.
template <class T>
struct Spread {
  View<const T> g;
  int area;
  static constexpr int UNROLL = 2;
  using At = int;
  __device__ __forceinline__ At at(int p) const { return area == 1 ? p : p / area; }
  __device__ __forceinline__ Floats operator()(At row, int c, int count) const {
    Floats v = widen(load(g.at(row, c), count));
    return area == 1 ? v : v * (1.0f / float(area));
  }
};

// The windows of one axis that have a pixel.
struct Covering {
  int begin, end;
  __device__ __forceinline__ Covering(int at, Taps taps, int outputs) {
    int last = at + taps.pad, first = last - (taps.kernel - 1) * taps.dilation - 1 + taps.stride;  // rounded up
    begin = first > 0 ? first / taps.stride : 0;
    end = min(last / taps.stride + 1, outputs);
  }
};

// Of each window that has the pixel, its share: of a mean one cell's; of a maximum all, if `taps` has the pixel's place
// in the window.
template <class T>
struct Windows {
  View<const T> g;
  View<const bfloat16> taps;
  Image in, out;
  Taps high, wide;
  int include_pad;
  static constexpr int UNROLL = 1;

  struct At {
    Place place;
    Covering rows, columns;
  };
  __device__ __forceinline__ At at(int p) const {
    Place place(p, in);
    return {place, Covering(place.h, high, out.height), Covering(place.w, wide, out.width)};
  }
  __device__ __forceinline__ Floats operator()(const At& pixel, int c, int count) const {
    const Place& at = pixel.place;
    const Covering &rows = pixel.rows, &columns = pixel.columns;
    Floats sum = filled(0.0f);
#pragma unroll 1
    for (int oh = rows.begin; oh < rows.end; oh++) {
      int down = at.h - high.first(oh), row = high.within(down);
      if (row * high.dilation != down) continue;  // between two taps
      Window tall(oh, high, in.height);
#pragma unroll 1
      for (int ow = columns.begin; ow < columns.end; ow++) {
        int across = at.w - wide.first(ow), column = wide.within(across);
        if (column * wide.dilation != across) continue;
        size_t window = (size_t(at.n) * out.height + oh) * out.width + ow;
        Floats v = widen(load(g.at(window, c), count));
        if (taps) {
          Floats away = widen(load(taps.at(window, c), count)) - filled(float(row * wide.kernel + column));
          sum = sum + greater(filled(0.5f), away * away, v, filled(0.0f));
        } else {
          Window broad(ow, wide, in.width);
          int cells = include_pad ? tall.span * broad.span : tall.length * broad.length;
          sum = fma(v, filled(1.0f / float(cells)), sum);
        }
      }
    }
    return sum;
  }
};
