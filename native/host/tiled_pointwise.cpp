// 1x1 convolution, stride 1, and matrix product: y = relu?(prologue(x) * w + bias +
// residual).
//
// Pixels of the whole batch are one long row. Launch: grid.x ranges of `pixels` pixels, grid.y
// ranges of `panels` weight panels, one thread a block. A block packs a strip of pixels into its
// worker's scratch and runs every panel over the strip while the panel is in the L2 cache.
//
// Scratch, in 32-bit words: `strip` packed rows of K, then one tile of C. w: panels
// (microkernel.h), K rounded up to kDepth; bias may be null. pairs: w holds pairs of bfloat16.
#include "kernel.h"
#include "panel.h"

namespace {

using namespace host;

template <class S>
struct Product {
  const typename S::Element* x;
  typename S::Element* y;
  const float *scale, *shift, *w, *bias;
  int count, xPitch, yPitch, channels, outputs, prologue, rectified, pixels, panels, strip;
  const typename S::Element* residual;
  int residualPitch;
};

template <class M, class S>
void pointwise(const Product<S>& p, float* scratch, int range, int panelRange) {
  const int steps = roundUp(p.channels, kDepth) / M::kPerWord;
  const int lda = rowWords(roundUp(p.channels, kPanel) / M::kPerWord);
  float* c = scratch + (long)p.strip * lda;
  const int origin = 0;
  const int first = range * p.pixels;
  const int last = first + p.pixels < p.count ? first + p.pixels : p.count;
  const int allPanels = ceilDiv(p.outputs, kPanel);
  const int firstPanel = panelRange * p.panels;
  const int lastPanel = firstPanel + p.panels < allPanels ? firstPanel + p.panels : allPanels;
  const long panelWords = (long)steps * kPanel;

  for (int from = first; from < last; from += p.strip) {
    const int to = from + p.strip < last ? from + p.strip : last;
    const int tiles = ceilDiv(to - from, kMaxRows);
    for (int i = from; i < to; i++) {
      packPixel<M, S>(p.x + (long)i * p.xPitch, p.channels, p.prologue, p.scale, p.shift,
                      scratch + (long)(i - from) * lda);
    }
    for (int panel = firstPanel; panel < lastPanel; panel++) {
      const int k = panel * kPanel;
      const int columns = p.outputs - k < kPanel ? p.outputs - k : kPanel;
      const float* bias = p.bias == nullptr ? nullptr : p.bias + k;
      const float* w = p.w + panel * panelWords;
      const float* after = p.w + (panel + 1 < lastPanel ? panel + 1 : firstPanel) * panelWords;
      for (int i = from; i < to; i += kMaxRows) {
        const int n = to - i < kMaxRows ? to - i : kMaxRows;
        const int tile = (i - from) / kMaxRows;
        const Share next(p.strip, (panel - firstPanel) * tiles + tile,
                         (lastPanel - firstPanel) * tiles);
        prefetchRows(p.x + (long)to * p.xPitch, p.xPitch, p.channels, next);
        const Share all(n, 0, 1);
        prefetchRows(p.y + (long)i * p.yPitch + k, p.yPitch, columns, all);
        if (p.residual != nullptr) {
          prefetchRows(p.residual + (long)i * p.residualPitch + k, p.residualPitch, columns, all);
        }
        multiply<M>(n, columns, scratch + (long)(i - from) * lda, lda, &origin, 1, steps, w, c,
                    following(after, panelWords, tile, tiles));
        for (int r = 0; r < n; r++) {
          typename S::Element* y = p.y + (long)(i + r) * p.yPitch + k;
          const typename S::Element* residual =
              p.residual == nullptr ? nullptr : p.residual + (long)(i + r) * p.residualPitch + k;
          writeRow<S>(c + r * kPanel, columns, bias, p.rectified, y, residual);
        }
      }
    }
  }
}

template <class S>
void choose(const Product<S>& p, [[maybe_unused]] int pairs, float* scratch, int range,
            int panelRange) {
#ifdef __AVX512F__
  if (pairs) return pointwise<Pairs, S>(p, scratch, range, panelRange);
#endif
  pointwise<Floats, S>(p, scratch, range, panelRange);
}

}  // namespace

#define POINTWISE(name, S)                                                                         \
  extern "C" __global__ void name(const S::Element* x, S::Element* y, const float* scale,          \
                                  const float* shift, const float* w, const float* bias,           \
                                  int count, int xPitch, int yPitch, int channels, int outputs,    \
                                  int prologue, int rectified, int pixels, int panels, int strip,  \
                                  int pairs, const S::Element* residual, int residualPitch) {      \
    DYNAMIC_SHARED(float, scratch);                                                                \
    const Product<S> p{x,        y,       scale,    shift,     w,      bias,   count, xPitch,      \
                       yPitch,   channels, outputs, prologue, rectified, pixels, panels, strip,    \
                       residual, residualPitch};                                                   \
    choose<S>(p, pairs, scratch, blockIdx.x, blockIdx.y);                                          \
  }                                                                                                \
  HOST_KERNEL_LOOP(name)

POINTWISE(tiled_pointwise_f32, F32)
POINTWISE(tiled_pointwise_bf16, Bf16)
POINTWISE(tiled_pointwise_f16, F16)
