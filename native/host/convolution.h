// A convolution as a sum of shifted products, one tap for each kernel position, in strips of rows
// that stay in a core's L2 cache; or a 3x3 in Winograd's form (winograd.h), with filters of 16 taps.
// What becomes of a tile of sums is the epilogue's.
#pragma once

#include "strip.h"
#include "winograd.h"

#include <algorithm>
#include <climits>

namespace host {

enum Form { kFloats = 0, kPairs = 1, kWinograd = 2, kTiles = 3, kTwin = 4 };

constexpr int kMaxTaps = 256;
constexpr int kTileWords = 14 * kPanel;  // of a tile of sums, in any build
// Tiles of windows that share each reading of filters that no L2 cache holds.
constexpr int kWindowTiles = 2;

// Words of a group's panels.
template <class M>
inline long filterWords(const ConvolutionShape& p, bool winograd) {
  const int taps = winograd ? kPositions : p.kernelH * p.kernelW;
  const int depth = p.merged > 0 ? p.kernelH * roundUp(p.kernelW * p.merged, 2)
                                 : taps * roundUp(p.channels, M::kDepth);
  return (long)ceilDiv(p.outputs, kPanel) * kPanel * depth / M::kPerWord;
}

// Words of scratch before the strip: a tile of sums; Winograd's windows, products and outputs.
template <class M>
inline long frontWords(bool winograd, int channels) {
  return winograd ? kPositions * kWindowTiles * (14 * pixelWords<M>(channels) + kTileWords) +
                        4 * kTileWords
                  : std::max(M::kRows * kPanel, kTileWords);
}

// Epilogue: write(sums, n, q, k, columns) takes n rows of a tile, the output's pixels from q on and
// channels of the group from k on; prefetch(q, rows) is told early of pixels that will come, and
// without kWholePixels expect(q, n, k, columns) of each tile before it is computed.
template <class M, class S, class Epilogue, bool Winograd>
class Convolution {
 public:
  // scratch: frontWords, then the strip's packed rows. w: the group's panels, of which those before
  // `firstPanel` and from `lastPanel` on are others' work.
  Convolution(const ConvolutionShape& shape, const Image<S>& image, const float* w,
              float* scratch, Epilogue& epilogue, int firstPanel = 0, int lastPanel = INT_MAX)
      : p(shape),
        strip(image, scratch + frontWords<M>(Winograd, p.channels)),
        sums(scratch),
        w(w),
        taps(Winograd ? kPositions : p.merged > 0 ? p.kernelH : p.kernelH * p.kernelW),
        steps(p.merged > 0 ? roundUp(p.kernelW * p.merged, 2) / M::kPerWord
                           : roundUp(p.channels, M::kDepth) / M::kPerWord),
        firstPanel(firstPanel),
        lastPanel(std::min(lastPanel, ceilDiv(p.outputs, kPanel))),
        epilogue(epilogue) {}

  void run(int block) {
    [[maybe_unused]] typename M::Scope scope;
    const int perImage = ceilDiv(p.outHeight, p.rows);
    const int image = block / perImage;
    const int first = block % perImage * p.rows;
    const int last = first + p.rows < p.outHeight ? first + p.rows : p.outHeight;
    strip.image.at += (long)image * p.height * p.width * strip.image.pitch;
    pixels = (long)image * p.outHeight * p.outWidth;
    const int overlap = p.kernelH > p.stride ? p.kernelH - p.stride : 0;
    for (int row = first; row < last; row += p.strip) {
      const int end = row + p.strip < last ? row + p.strip : last;
      const int windowed = Winograd ? roundUp(end - row, 2) : end - row;
      strip.fill(row * p.stride - p.padH, (windowed - 1) * p.stride + p.kernelH,
                 row > first ? overlap : 0, p.strip * p.stride);
      if constexpr (Winograd) {
        convolveWindows(row, end);
      } else {
        convolve(row, end);
      }
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
    const int tiles = ceilDiv(p.outWidth, M::kRows);
    const int panels = lastPanel - firstPanel;
    const long panelWords = (long)taps * steps * kPanel;
    const int together = Epilogue::kWholePixels && panels * panelWords <= kL2Words ? panels : 1;
    const int lda = p.stride * strip.pixel / strip.perWord;
    for (int next = firstPanel; next < lastPanel; next += together) {
      for (int row = from; row < to; row++) {
        for (int tile = 0; tile < tiles; tile++) {
          const int column = p.outWidth * tile / tiles;
          const int n = p.outWidth * (tile + 1) / tiles - column;
          const float* a =
              strip.packed + (long)(row - from) * p.stride * strip.line + (long)column * lda;
          for (int panel = next; panel < next + together; panel++) {
            const int k = panel * kPanel;
            const int columns = p.outputs - k < kPanel ? p.outputs - k : kPanel;
            const long q = pixels + (long)row * p.outWidth + column;
            if constexpr (Epilogue::kWholePixels) {
              if (together == panels) epilogue.prefetch(q + n, Share(n, panel - firstPanel, panels));
            } else {
              epilogue.expect(q, n, k, columns);
            }
            const float* filters = w + panel * panelWords;
            const Ahead ahead =
                together > 1 ? Ahead()
                             : following(w + (panel + 1 < lastPanel ? panel + 1 : firstPanel) * panelWords,
                                         panelWords, (row - from) * tiles + tile,
                                         (to - from) * tiles);
            multiply<M>(n, columns, a, lda, offset, taps, steps, filters, sums, ahead);
            epilogue.write(sums, n, q, k, columns);
          }
        }
      }
    }
  }

  // The same in 2x2 windows, some tiles of up to kMaxRows of them at a time. What windows need
  // beyond the image's last row or column only reaches outputs that do not exist.
  void convolveWindows(int from, int to) {
    const int across = ceilDiv(p.outWidth, 2);
    const int windows = ceilDiv(to - from, 2) * across;
    const int tiles = ceilDiv(windows, kMaxRows);
    const int panels = lastPanel - firstPanel;
    const int pixel = pixelWords<M>(p.channels);
    const long filterWords = (long)steps * kPanel;  // of a panel's position
    const int together = panels * kPositions * filterWords > kL2Words ? kWindowTiles : 1;
    float* products = sums + kPositions * kWindowTiles * 14 * pixel;
    float* outputs = products + kPositions * kWindowTiles * kTileWords;
    for (int tile = 0; tile < tiles; tile += together) {
      const int end = std::min(tile + together, tiles);
      const int first = windows * tile / tiles;
      const int next = windows * end / tiles;
      const long matrix = (long)(next - first) * pixel;
      for (int i = first; i < next; i++) {
        transformInput(strip.packed + strip.offset(i / across * 2, i % across * 2), strip.line,
                       strip.pixel, p.channels, sums + (long)(i - first) * pixel, matrix);
      }
      const long q = pixels + (long)(from + next / across * 2) * p.outWidth + next % across * 2;
      for (int panel = firstPanel; panel < lastPanel; panel++) {
        const int k = panel * kPanel;
        const int columns = std::min(p.outputs - k, kPanel);
        for (int t = 0; t < kPositions; t++) {
          const int step = (panel - firstPanel) * kPositions + t;
          const Share rows(2 * (next - first), step / 2, panels * kPositions / 2);
          epilogue.prefetch(q + t % 2 * p.outWidth, rows);
          const float* filters = w + (panel * kPositions + t) * filterWords;
          for (int i = tile; i < end; i++) {
            const int window = windows * i / tiles;
            multiply<M>(windows * (i + 1) / tiles - window, columns,
                        sums + t * matrix + (long)(window - first) * pixel, pixel, &kOrigin, 1,
                        steps, filters, products + ((i - tile) * kPositions + t) * kTileWords,
                        following(filters + filterWords, filterWords, i - tile, end - tile));
          }
        }
        for (int i = tile; i < end; i++) {
          const float* m = products + (i - tile) * kPositions * kTileWords;
          const int last = windows * (i + 1) / tiles;
          for (int window = windows * i / tiles; window < last;) {
            const int column = window % across;
            const int some = std::min(last - window, across - column);
            writeWindows(from + window / across * 2, 2 * column, some, to, k, columns, m, outputs);
            m += some * kPanel;
            window += some;
          }
        }
      }
    }
  }

  // The outputs of n windows beside each other, by way of a buffer of two rows.
  void writeWindows(int row, int column, int n, int lastRow, int k, int columns, const float* m,
                    float* out) {
    constexpr int kRow = 2 * kTileWords;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < columns; j += kLanes) {
        Vec y[4];
        transformOutput(m + i * kPanel + j, kTileWords, y);
        for (int q = 0; q < 4; q++) store(out + q / 2 * kRow + (2 * i + q % 2) * kPanel + j, y[q]);
      }
    }
    const int width = std::min(2 * n, p.outWidth - column);
    for (int r = 0; r < 2 && row + r < lastRow; r++) {
      const long q = pixels + (long)(row + r) * p.outWidth + column;
      epilogue.write(out + r * kRow, width, q, k, columns);
    }
  }

  static constexpr long kL2Words = 64 << 10;
  static constexpr int kOrigin = 0;

  const ConvolutionShape& p;
  Strip<M, S> strip;
  float* const sums;
  const float* const w;
  const int taps, steps;
  const int firstPanel, lastPanel;
  Epilogue& epilogue;
  long pixels;  // of the images before this one
};

}  // namespace host
