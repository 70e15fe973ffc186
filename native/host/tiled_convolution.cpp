// Convolution of any kernel, stride, padding and groups, from and into channel views:
//
//     y = relu?(conv(prologue(x), w) + bias), padding zero after the prologue
//
// Launch: grid.x blocks of (image, `rows` output rows), grid.y groups, one thread a block. A block
// works in strips of `strip` output rows: the input rows are packed once, with their padding, into
// the worker's scratch, and every panel of filters passes over the strip as a sum of shifted
// products, one tap for each kernel position.
//
// Images of few channels (the stem's three) would waste most of a tap's 8 channels. With merged > 0
// a packed pixel has just that many elements and a tap is a whole kernel row.
//
// Scratch, in 32-bit words: one tile of C, then ((strip - 1) * stride + R) x (W + 2 * padW) packed
// pixels, and one cache line. w: for each group, panels (microkernel.h) of taps x channels, a tap's
// channels rounded up to 8 (merged: a row's to 2); scale, shift and bias padded with zeros to a
// multiple of 32; bias may be null. pairs: w holds pairs of bfloat16.
#include "kernel.h"
#include "panel.h"

#include <type_traits>

namespace {

using namespace host;

template <class S>
struct Problem {
  const typename S::Element* x;
  typename S::Element* y;
  const float *scale, *shift, *w, *bias;
  int height, width, outHeight, outWidth, xPitch, yPitch;
  int channels, outputs;  // of one group
  int kernelH, kernelW, stride, padH, padW, prologue, rectified, merged, rows, strip;
};

template <class M, class S>
class Convolution {
 public:
  Convolution(const Problem<S>& problem, float* scratch, int group)
      : p(problem),
        pixel(p.merged > 0 ? p.merged : rowWords(roundUp(p.channels, kPanel) / M::kPerWord)),
        perWord(p.merged > 0 ? M::kPerWord : 1),
        line((p.width + 2 * p.padW) * pixel / perWord + (p.merged > 0 ? 16 : 0)),
        taps(p.merged > 0 ? p.kernelH : p.kernelH * p.kernelW),
        steps(p.merged > 0 ? ceilDiv(p.kernelW * p.merged, 2) * 2 / M::kPerWord
                           : roundUp(p.channels, 8) / M::kPerWord),
        group(group),
        c(scratch),
        packed(scratch + 14 * kPanel) {}

  void run(int block) {
    const int perImage = ceilDiv(p.outHeight, p.rows);
    const int image = block / perImage;
    const int first = block % perImage * p.rows;
    const int last = first + p.rows < p.outHeight ? first + p.rows : p.outHeight;
    x = p.x + (long)image * p.height * p.width * p.xPitch + group * p.channels;
    y = p.y + (long)image * p.outHeight * p.outWidth * p.yPitch + group * p.outputs;
    const int overlap = p.kernelH > p.stride ? p.kernelH - p.stride : 0;
    for (int row = first; row < last; row += p.strip) {
      const int end = row + p.strip < last ? row + p.strip : last;
      const int rowsIn = (end - row - 1) * p.stride + p.kernelH;
      int done = 0;
      if (row > first && overlap > 0) {
        const long shift = (long)p.strip * p.stride * line;
        std::memmove(packed, packed + shift, sizeof(float) * overlap * line);
        done = overlap;
      }
      for (int r = done; r < rowsIn; r++) packRow(row * p.stride - p.padH + r, r);
      convolve(row, end);
    }
  }

 private:
  // Packs the image's row, or zeros where there is none, into row r of the scratch.
  void packRow(int row, int r) {
    float* to = packed + (long)r * line;
    if (row < 0 || row >= p.height) {
      std::memset(to, 0, sizeof(float) * line);
      return;
    }
    const typename S::Element* from = x + (long)row * p.width * p.xPitch;
    if (p.merged > 0) {
      std::memset(to, 0, sizeof(float) * line);
      packMerged(from, to);
      return;
    }
    const float* scale = p.scale + group * p.channels;
    const float* shift = p.shift + group * p.channels;
    const long margin = (long)p.padW * pixel;
    std::memset(to, 0, sizeof(float) * margin);
    std::memset(to + margin + (long)p.width * pixel, 0, sizeof(float) * margin);
    for (int i = 0; i < p.width; i++) {
      packPixel<M, S>(from + (long)i * p.xPitch, p.channels, p.prologue, scale, shift,
                      to + margin + (long)i * pixel);
    }
  }

  void packMerged(const typename S::Element* from, float* to) {
    using Packed = std::conditional_t<M::kPerWord == 2, uint16_t, float>;
    Packed* out = (Packed*)to + p.padW * p.merged;
    alignas(64) float words[kPanel];
    for (int i = 0; i < p.width; i++) {
      packPixel<M, S>(from + (long)i * p.xPitch, p.channels, p.prologue,
                      p.scale + group * p.channels, p.shift + group * p.channels, words);
      const Packed* pixel = (const Packed*)words;
      for (int c = 0; c < p.channels; c++) out[i * p.merged + c] = pixel[c];
    }
  }

  // Output rows [from, to) from the strip in scratch.
  void convolve(int from, int to) {
    int offset[kMaxTaps];
    for (int t = 0; t < taps; t++) {
      offset[t] = p.merged > 0 ? t * line : t / p.kernelW * line + t % p.kernelW * pixel;
    }
    const int tiles = ceilDiv(p.outWidth, kMaxRows);
    const int panels = ceilDiv(p.outputs, kPanel);
    const long panelWords = (long)taps * steps * kPanel;
    const float* w = p.w + group * panels * panelWords;
    const int lda = p.stride * pixel / perWord;
    for (int panel = 0; panel < panels; panel++, w += panelWords) {
      const int k = panel * kPanel;
      const int columns = p.outputs - k < kPanel ? p.outputs - k : kPanel;
      const float* bias = p.bias == nullptr ? nullptr : p.bias + group * p.outputs + k;
      for (int row = from; row < to; row++) {
        for (int tile = 0; tile < tiles; tile++) {
          const int column = p.outWidth * tile / tiles;
          const int n = p.outWidth * (tile + 1) / tiles - column;
          const float* a = packed + (long)(row - from) * p.stride * line + (long)column * lda;
          multiply<M>(n, columns, a, lda, offset, taps, steps, w, c);
          for (int i = 0; i < n; i++) {
            const long q = (long)row * p.outWidth + column + i;
            writeRow<S>(c + i * kPanel, columns, bias, p.rectified, y + q * p.yPitch + k);
          }
        }
      }
    }
  }

  static constexpr int kMaxTaps = 256;

  const Problem<S>& p;
  const int pixel;    // of a packed pixel: words, or elements if merged
  const int perWord;  // elements of `pixel` in a word
  const int line, taps, steps;
  const int group;
  float *c, *packed;
  const typename S::Element* x;
  typename S::Element* y;
};

template <class S>
void choose(const Problem<S>& p, [[maybe_unused]] int pairs, float* scratch, int block, int group) {
#ifdef __AVX512F__
  if (pairs) return Convolution<Pairs, S>(p, scratch, group).run(block);
#endif
  Convolution<Floats, S>(p, scratch, group).run(block);
}

}  // namespace

#define CONVOLUTION(name, S)                                                                       \
  extern "C" __global__ void name(                                                                 \
      const S::Element* x, S::Element* y, const float* scale, const float* shift, const float* w,  \
      const float* bias, int height, int width, int outHeight, int outWidth, int xPitch,           \
      int yPitch, int channels, int outputs, int kernelH, int kernelW, int stride, int padH,       \
      int padW, int prologue, int rectified, int merged, int rows, int strip, int pairs) {         \
    DYNAMIC_SHARED(float, scratch);                                                                \
    const Problem<S> p{x,        y,        scale,    shift,   w,       bias,   height, width,      \
                       outHeight, outWidth, xPitch,  yPitch,  channels, outputs, kernelH, kernelW, \
                       stride,   padH,     padW,     prologue, rectified, merged, rows, strip};    \
    choose<S>(p, pairs, scratch, blockIdx.x, blockIdx.y);                                          \
  }                                                                                                \
  HOST_KERNEL_LOOP(name)

CONVOLUTION(tiled_convolution_f32, F32)
CONVOLUTION(tiled_convolution_bf16, Bf16)
CONVOLUTION(tiled_convolution_f16, F16)
