// What stands before and after the register tile: pixels packed for it, tiles written out.
#pragma once

#include "microkernel.h"

namespace host {

// What a convolution or pool applies to its input while loading it, numbered as Op.Prologue.
enum Prologue { kNone = 0, kScaleShift = 1, kScaleShiftRelu = 2 };

// scale and shift are padded with zeros to whole vectors of any build, so that lanes beyond the
// last channel stay zero.
inline Vec applyPrologue(Vec v, int prologue, const float* scale, const float* shift) {
  if (prologue == kNone) return v;
  v = fma(v, load(scale), load(shift));
  return prologue == kScaleShiftRelu ? relu(v) : v;
}

// Words from one packed row to the next: whole cache lines, and an odd number of them, so that the
// rows of a tile do not fall into the same sets of the L1 cache.
inline int rowWords(int words) { return roundUp(words, 16) | 16; }

// Packs `channels` channels of a pixel, zero-filled to a multiple of 8 and to whole vectors.
template <class M, class S>
inline void packPixel(const typename S::Element* x, int channels, int prologue, const float* scale,
                      const float* shift, float* out) {
  int c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    const Vec v = applyPrologue(S::read(x + c), prologue, scale + c, shift + c);
    M::write(out + c / M::kPerWord, v);
  }
  if (c < channels) {
    const Vec part = readPart<S>(x + c, channels - c);
    M::write(out + c / M::kPerWord, applyPrologue(part, prologue, scale + c, shift + c));
    c += kLanes;
  }
  for (; c < roundUp(channels, 8); c += kLanes) M::write(out + c / M::kPerWord, zero());
}

// Writes one row of a tile: y[j] = relu?(c[j] + bias[j]) for j < columns. bias may be null.
template <class S>
inline void writeRow(const float* c, int columns, const float* bias, bool rectified,
                     typename S::Element* y) {
  for (int j = 0; j < columns; j += kLanes) {
    Vec v = load(c + j);
    if (bias != nullptr) v = add(v, load(bias + j));
    if (rectified) v = relu(v);
    if (j + kLanes <= columns) {
      S::write(y + j, v);
    } else {
      writePart<S>(y + j, v, columns - j);
    }
  }
}

}  // namespace host
