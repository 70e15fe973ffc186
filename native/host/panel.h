// What stands before and after the register tile: pixels packed for it, tiles written out.
#pragma once

#include "amx.h"

namespace host {

// What a convolution or pool applies to its input while loading it, numbered as Op.Prologue.
enum Prologue { kNone = 0, kScaleShift = 1, kScaleShiftRelu = 2 };

// To the first `count` channels, at most a whole vector; beyond them zero stays zero.
inline Vec applyPrologue(Vec v, int prologue, const float* scale, const float* shift, int count) {
  if (prologue == kNone) return v;
  v = fma(v, readSome<F32>(scale, count), readSome<F32>(shift, count));
  return prologue == kScaleShiftRelu ? relu(v) : v;
}

// Words from one packed row to the next: whole cache lines, and an odd number of them, so that the
// rows of a tile do not fall into the same sets of the L1 cache.
inline int rowWords(int words) { return roundUp(words, 16) | 16; }

// The rows that part `part` of `parts` has of n.
struct Share {
  int from, to;
  Share(int n, int part, int parts) : from(n * part / parts), to(n * (part + 1) / parts) {}
};

// Brings rows into the L2 cache that are read soon: half a core's time would go into waiting for
// them otherwise. Inlined by force, for GCC 12 drops calls of functions that only prefetch.
template <class E>
__attribute__((always_inline)) inline void prefetchRows(const E* at, long pitch, int columns,
                                                        Share rows) {
  for (int i = rows.from; i < rows.to; i++) {
    for (int c = 0; c < columns; c += 64 / (int)sizeof(E)) {
      __builtin_prefetch(at + i * pitch + c, 0, 2);
    }
  }
}

// Packs `channels` channels of a pixel, zero-filled to a multiple of M::kDepth and to whole vectors.
template <class M, class S>
inline void packPixel(const typename S::Element* x, int channels, int prologue, const float* scale,
                      const float* shift, float* out) {
  int c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    const Vec v = applyPrologue(S::read(x + c), prologue, scale + c, shift + c, kLanes);
    M::write(out + c / M::kPerWord, v);
  }
  if (c < channels) {
    const Vec v = readPart<S>(x + c, channels - c);
    M::write(out + c / M::kPerWord,
             applyPrologue(v, prologue, scale + c, shift + c, channels - c));
    c += kLanes;
  }
  for (; c < roundUp(channels, M::kDepth); c += kLanes) M::write(out + c / M::kPerWord, zero());
}

// Writes one row of a tile: y[j] = relu?(c[j] + bias[j] + residual[j]) for j < columns. bias and
// residual may be null; residual may be y.
template <class S>
inline void writeRow(const float* c, int columns, const float* bias, bool rectified,
                     typename S::Element* y, const typename S::Element* residual = nullptr) {
  for (int j = 0; j < columns; j += kLanes) {
    Vec v = load(c + j);
    if (bias != nullptr) v = add(v, readSome<F32>(bias + j, columns - j));
    if (residual != nullptr) v = add(v, readSome<S>(residual + j, columns - j));
    if (rectified) v = relu(v);
    writeSome<S>(y + j, v, columns - j);
  }
}

// Where sums go: y = relu?(sums + bias + residual). bias and residual may be null; residual may be y. The epilogue of a
// convolution (convolution.h).
template <class S>
struct Output {
  static constexpr bool kWholePixels = false;
  typename S::Element* y;
  const float* bias;
  const typename S::Element* residual;
  int pitch, residualPitch, rectified;

  void prefetch(long, Share) const {}

  __attribute__((always_inline)) void expect(long q, int n, int k, int columns) const {
    prefetchRows(y + q * pitch + k, pitch, columns, Share(n, 0, 1));
    if (residual != nullptr) {
      prefetchRows(residual + q * residualPitch + k, residualPitch, columns, Share(n, 0, 1));
    }
  }

  void write(const float* sums, int n, long q, int k, int columns) const {
    for (int i = 0; i < n; i++) {
      writeRow<S>(sums + i * kPanel, columns, bias == nullptr ? nullptr : bias + k, rectified,
                  y + (q + i) * pitch + k,
                  residual == nullptr ? nullptr : residual + (q + i) * residualPitch + k);
    }
  }
};

}  // namespace host
