// A convolution as a sum of shifted products, one tap for each kernel position, in strips of rows
// that stay in a core's L2 cache. What becomes of a tile of sums is the epilogue's.
#pragma once

#include "strip.h"

namespace host {

struct ConvolutionShape {
  int height, width, outHeight, outWidth;
  int channels, outputs;  // of one group
  int kernelH, kernelW, stride, padH, padW, merged;
  int rows, strip;  // output rows of a block, and of a strip
};

constexpr int kMaxTaps = 256;
constexpr int kTileWords = 14 * kPanel;  // of a tile of sums, in any build

// Epilogue: write(sums, n, q, k, columns) takes n rows of a tile, the output's pixels from q on and
// channels of the group from k on; before the products of a panel prefetch(n, q, panel, panels) is
// called, where all panels pass over a tile.
template <class M, class S, class Epilogue>
class Convolution {
 public:
  // scratch: a tile of sums, then the strip's packed rows. w: the group's panels.
  Convolution(const ConvolutionShape& shape, const Image<S>& image, const float* w,
              float* scratch, Epilogue& epilogue)
      : p(shape),
        strip(image, scratch + kTileWords),
        sums(scratch),
        w(w),
        taps(p.merged > 0 ? p.kernelH : p.kernelH * p.kernelW),
        steps(p.merged > 0 ? roundUp(p.kernelW * p.merged, 2) / M::kPerWord
                           : roundUp(p.channels, kDepth) / M::kPerWord),
        epilogue(epilogue) {}

  void run(int block) {
    const int perImage = ceilDiv(p.outHeight, p.rows);
    const int image = block / perImage;
    const int first = block % perImage * p.rows;
    const int last = first + p.rows < p.outHeight ? first + p.rows : p.outHeight;
    strip.image.at += (long)image * p.height * p.width * strip.image.pitch;
    pixels = (long)image * p.outHeight * p.outWidth;
    const int overlap = p.kernelH > p.stride ? p.kernelH - p.stride : 0;
    for (int row = first; row < last; row += p.strip) {
      const int end = row + p.strip < last ? row + p.strip : last;
      strip.fill(row * p.stride - p.padH, (end - row - 1) * p.stride + p.kernelH,
                 row > first ? overlap : 0, p.strip * p.stride);
      convolve(row, end);
    }
  }

 private:
  // Output rows [from, to) from the strip. Panels pass over the strip one after the other while
  // each is in the L1 cache; or, where they are few, all of them over each tile, for the epilogue to
  // see whole pixels.
  void convolve(int from, int to) {
    int offset[kMaxTaps];
    for (int t = 0; t < taps; t++) {
      offset[t] = p.merged > 0 ? t * strip.line : strip.offset(t / p.kernelW, t % p.kernelW);
    }
    const int tiles = ceilDiv(p.outWidth, kMaxRows);
    const int panels = ceilDiv(p.outputs, kPanel);
    const long panelWords = (long)taps * steps * kPanel;
    const int together = Epilogue::kWholePixels && panels * panelWords <= kL2Words ? panels : 1;
    const int lda = p.stride * strip.pixel / strip.perWord;
    for (int firstPanel = 0; firstPanel < panels; firstPanel += together) {
      for (int row = from; row < to; row++) {
        for (int tile = 0; tile < tiles; tile++) {
          const int column = p.outWidth * tile / tiles;
          const int n = p.outWidth * (tile + 1) / tiles - column;
          const float* a =
              strip.packed + (long)(row - from) * p.stride * strip.line + (long)column * lda;
          for (int panel = firstPanel; panel < firstPanel + together; panel++) {
            const int k = panel * kPanel;
            const int columns = p.outputs - k < kPanel ? p.outputs - k : kPanel;
            const long q = pixels + (long)row * p.outWidth + column;
            if (together == panels) epilogue.prefetch(n, q, panel, panels);
            multiply<M>(n, columns, a, lda, offset, taps, steps, w + panel * panelWords, sums);
            epilogue.write(sums, n, q, k, columns);
          }
        }
      }
    }
  }

  static constexpr long kL2Words = 64 << 10;

  const ConvolutionShape& p;
  Strip<M, S> strip;
  float* const sums;
  const float* const w;
  const int taps, steps;
  Epilogue& epilogue;
  long pixels;  // of the images before this one
};

}  // namespace host
