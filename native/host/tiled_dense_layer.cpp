// A bottleneck layer of DenseNet in one pass over the image (arXiv 1608.06993, inference):
//
//     b = relu(conv1x1(relu(s*x + t), w1) + b1)      Cin -> mid
//     y = conv3x3(b, w2), padding 1                  mid -> k, into a slice of x's own buffer
//
// Launch: one block for (image, `rows` output rows), one thread; blocks of an image recompute the
// bottleneck row on either side of their border. A block works in strips of `strip` rows: pixels
// are packed tile by tile, multiplied, and the strip's bottleneck rows stay in the worker's scratch
// with a zero halo, where the 3x3 reads them as nine shifted products or, in fp32, as the sixteen
// products of Winograd's form (then `strip` is even). The last two rows of a strip are the first
// two of the next. The bottleneck never leaves the L2 cache.
//
// Scratch, in 32-bit words: `front` words for packed rows, windows and products, then (strip + 3) x
// (W + 3) pixels of mid. w1, w2: panels (microkernel.h), K rounded up to kDepth for each of 1 and 9 taps
// or 16 Winograd positions; bias padded with zeros to a multiple of 32. form: 0
// floats, 1 pairs of bfloat16, 2 floats with Winograd's w2, 3 pairs in AMX's tiles, 4 in their twin.
#include "kernel.h"
#include "strip.h"
#include "winograd.h"

#include <algorithm>

namespace {

using namespace host;

template <class S>
struct Layer {
  Image<S> image;
  typename S::Element* y;
  const float *w1, *bias, *w2;
  int yPitch, mid, growth, rows, strip, form;

  void run() const;
};

enum Form { kFloats = 0, kPairs = 1, kWinograd = 2, kTiles = 3, kTwin = 4 };

template <class M, class S, bool Winograd>
class DenseLayer {
 public:
  DenseLayer(const Layer<S>& layer, float* scratch)
      : l(layer),
        steps1(roundUp(l.image.channels, M::kDepth) / M::kPerWord),
        steps2(roundUp(l.mid, M::kDepth) / M::kPerWord),
        lda(rowWords(roundUp(l.image.channels, kPanel) / M::kPerWord)),
        pixel(rowWords(roundUp(l.mid, kPanel) / M::kPerWord)),
        line((l.image.width + 3) * pixel),
        c(scratch),
        packed(c + (Winograd ? kPositions : 1) * kTile),
        bottleneck(packed + std::max(kRows * lda, Winograd ? kPositions * kRows * pixel : 0)) {}

  void run(int block) {
    [[maybe_unused]] typename M::Scope scope;
    const int perImage = ceilDiv(l.image.height, l.rows);
    const int image = block / perImage;
    const int first = block % perImage * l.rows;
    const int last = first + l.rows < l.image.height ? first + l.rows : l.image.height;
    const long pixels = (long)l.image.height * l.image.width;
    x = l.image.at + image * pixels * l.image.pitch;
    y = l.y + image * pixels * l.yPitch;

    for (int row = 0; row < l.strip + 3; row++) {
      std::memset(at(row, -1), 0, sizeof(float) * pixel);
      std::memset(at(row, l.image.width), 0, sizeof(float) * 2 * pixel);
    }
    for (int row = first; row < last; row += l.strip) {
      const int end = row + l.strip < last ? row + l.strip : last;
      top = row - 1;
      int done = top;
      if (row > first) {
        std::memmove(bottleneck, bottleneck + (long)l.strip * line, sizeof(float) * 2 * line);
        done += 2;
      } else if (top < 0) {
        clear(0);
        done++;
      }
      expand(done, end < l.image.height ? end + 1 : end);
      if (end == l.image.height) clear(end - top);
      if constexpr (Winograd) {
        if ((end - row) % 2 != 0) clear(end + 1 - top);
        convolveWindows(row, end);
      } else {
        convolve(row, end);
      }
    }
  }

 private:
  float* at(int row, int column) { return bottleneck + (long)row * line + (column + 1) * pixel; }

  void clear(int row) { std::memset(at(row, -1), 0, sizeof(float) * line); }

  // Bottleneck rows [from, to) of the image: BN-ReLU, 1x1, bias, ReLU.
  void expand(int from, int to) {
    const int panels = ceilDiv(l.mid, kPanel);
    const int pixels = (to - from) * l.image.width;
    const int origin = 0;
    int row = from - top;
    int column = 0;
    for (int p = 0; p < pixels; p += M::kRows) {
      const int n = pixels - p < M::kRows ? pixels - p : M::kRows;
      float* target[M::kRows];
      for (int i = 0; i < n; i++) {
        const long source = (long)from * l.image.width + p + i;
        packPixel<M, S>(x + source * l.image.pitch, l.image.channels, kScaleShiftRelu,
                        l.image.scale, l.image.shift, packed + i * lda);
        target[i] = at(row, column);
        if (++column == l.image.width) {
          column = 0;
          row++;
        }
      }
      for (int panel = 0; panel < panels; panel++) {
        const float* w = l.w1 + (long)panel * steps1 * kPanel;
        multiply<M>(n, kPanel, packed, lda, &origin, 1, steps1, w, c);
        for (int j = 0; j < kPanel; j += kLanes) {
          const Vec bias = load(l.bias + panel * kPanel + j);
          const int word = (panel * kPanel + j) / M::kPerWord;
          for (int i = 0; i < n; i++) {
            M::write(target[i] + word, relu(add(load(c + i * kPanel + j), bias)));
          }
        }
      }
    }
  }

  // Output rows [from, to) of the image: the 3x3 as nine shifted products.
  void convolve(int from, int to) {
    int offset[9];
    for (int t = 0; t < 9; t++) offset[t] = t / 3 * line + t % 3 * pixel;
    const int tiles = ceilDiv(l.image.width, M::kRows);
    for (int row = from; row < to; row++) {
      for (int tile = 0; tile < tiles; tile++) {
        const int column = l.image.width * tile / tiles;
        const int n = l.image.width * (tile + 1) / tiles - column;
        const float* a = at(row - 1 - top, column - 1);
        for (int k = 0; k < l.growth; k += kPanel) {
          const int columns = l.growth - k < kPanel ? l.growth - k : kPanel;
          multiply<M>(n, columns, a, pixel, offset, 9, steps2, l.w2 + (long)k * 9 * steps2, c);
          for (int i = 0; i < n; i++) {
            const long p = (long)row * l.image.width + column + i;
            writeRow<S>(c + i * kPanel, columns, nullptr, false, y + p * l.yPitch + k);
          }
        }
      }
    }
  }

  // The same in 2x2 windows, up to kMaxRows of them at a time.
  void convolveWindows(int from, int to) {
    const int across = ceilDiv(l.image.width, 2);
    const int windows = ceilDiv(to - from, 2) * across;
    const int groups = ceilDiv(windows, kMaxRows);
    const long matrix = (long)kRows * pixel;
    const int origin = 0;
    for (int group = 0; group < groups; group++) {
      const int first = windows * group / groups;
      const int n = windows * (group + 1) / groups - first;
      for (int i = 0; i < n; i++) {
        const float* d = at((first + i) / across * 2, (first + i) % across * 2 - 1);
        transformInput(d, line, pixel, l.mid, packed + (long)i * pixel, matrix);
      }
      for (int k = 0; k < l.growth; k += kPanel) {
        const int columns = l.growth - k < kPanel ? l.growth - k : kPanel;
        const float* w = l.w2 + (long)k * kPositions * steps2;
        for (int t = 0; t < kPositions; t++) {
          multiply<M>(n, columns, packed + t * matrix, pixel, &origin, 1, steps2,
                      w + (long)t * steps2 * kPanel, c + t * kTile);
        }
        for (int i = 0; i < n; i++) {
          writeWindow(from + (first + i) / across * 2, (first + i) % across * 2, to, k, columns,
                      c + i * kPanel);
        }
      }
    }
  }

  void writeWindow(int row, int column, int lastRow, int k, int columns, const float* m) {
    for (int j = 0; j < columns; j += kLanes) {
      Vec out[4];
      transformOutput(m + j, kTile, out);
      for (int q = 0; q < 4; q++) {
        const int h = row + q / 2;
        const int w = column + q % 2;
        if (h >= lastRow || w >= l.image.width) continue;
        typename S::Element* to = y + ((long)h * l.image.width + w) * l.yPitch + k + j;
        if (j + kLanes <= columns) {
          S::write(to, out[q]);
        } else {
          writePart<S>(to, out[q], columns - j);
        }
      }
    }
  }

  static constexpr int kRows = std::max(14, M::kRows);  // rows of any build's tile
  static constexpr int kTile = kRows * kPanel;

  const Layer<S>& l;
  const int steps1, steps2, lda, pixel, line;
  float *c, *packed, *bottleneck;
  const typename S::Element* x;
  typename S::Element* y;
  int top;  // the image row in the first row of the bottleneck's scratch
};

template <class S>
void Layer<S>::run() const {
  DYNAMIC_SHARED(float, scratch);
#ifdef __AVX512F__
  if (form == kPairs) return DenseLayer<Pairs, S, false>(*this, scratch).run(blockIdx.x);
  if constexpr (std::is_same_v<S, Bf16>) {
    if (form == kTiles) return DenseLayer<Tiles<Amx>, S, false>(*this, scratch).run(blockIdx.x);
  }
#endif
#ifdef __AVX2__
  if constexpr (std::is_same_v<S, Bf16>) {
    if (form == kTwin) return DenseLayer<Tiles<Twin>, S, false>(*this, scratch).run(blockIdx.x);
  }
#endif
  if (form == kWinograd) return DenseLayer<Floats, S, true>(*this, scratch).run(blockIdx.x);
  DenseLayer<Floats, S, false>(*this, scratch).run(blockIdx.x);
}

}  // namespace

KERNELS(tiled_dense_layer, Layer, run)
