// 1x1 convolution, stride 1, and matrix product: y = relu?(prologue(x) * w + bias +
// residual).
//
// Pixels of the whole batch are one long row. Launch: grid.x ranges of `pixels` pixels, grid.y
// ranges of `panels` weight panels, one thread a block. A block packs a strip of pixels into its
// worker's scratch and runs every panel over the strip while the panel is in the L2 cache.
//
// Scratch, in 32-bit words: `strip` packed rows of K, then one tile of C. w: panels
// (microkernel.h), K rounded up to M::kDepth; bias may be null. form: as of
// tiled_dense_layer.cpp.
#include "kernel.h"
#include "strip.h"

namespace {

using namespace host;

template <class S>
struct Product {
  Image<S> image;
  const float* w;
  Output<S> output;
  int count, outputs, pixels, panels, strip, form;

  void run() const {
#ifdef __AVX512F__
    if (form == 1) return run<Pairs>();
    if constexpr (std::is_same_v<S, Bf16>) {
      if (form == 3) return run<Tiles<Amx>>();
    }
#endif
#ifdef __AVX2__
    if constexpr (std::is_same_v<S, Bf16>) {
      if (form == 4) return run<Tiles<Twin>>();
    }
#endif
    run<Floats>();
  }

  template <class M>
  void run() const {
    DYNAMIC_SHARED(float, scratch);
    [[maybe_unused]] typename M::Scope scope;
    const int steps = roundUp(image.channels, M::kDepth) / M::kPerWord;
    const int lda = rowWords(roundUp(image.channels, kPanel) / M::kPerWord);
    float* c = scratch + (long)strip * lda;
    const int origin = 0;
    const int first = blockIdx.x * pixels;
    const int last = first + pixels < count ? first + pixels : count;
    const int allPanels = ceilDiv(outputs, kPanel);
    const int firstPanel = blockIdx.y * panels;
    const int lastPanel = firstPanel + panels < allPanels ? firstPanel + panels : allPanels;
    const long panelWords = (long)steps * kPanel;

    for (int from = first; from < last; from += strip) {
      const int to = from + strip < last ? from + strip : last;
      const int tiles = ceilDiv(to - from, M::kRows);
      for (int i = from; i < to; i++) {
        packPixel<M, S>(image.at + (long)i * image.pitch, image.channels, image.prologue,
                        image.scale, image.shift, scratch + (long)(i - from) * lda);
      }
      for (int panel = firstPanel; panel < lastPanel; panel++) {
        const int k = panel * kPanel;
        const int columns = outputs - k < kPanel ? outputs - k : kPanel;
        const float* after = w + (panel + 1 < lastPanel ? panel + 1 : firstPanel) * panelWords;
        for (int i = from; i < to; i += M::kRows) {
          const int n = to - i < M::kRows ? to - i : M::kRows;
          const int tile = (i - from) / M::kRows;
          const Share next(strip, (panel - firstPanel) * tiles + tile,
                           (lastPanel - firstPanel) * tiles);
          prefetchRows(image.at + (long)to * image.pitch, image.pitch, image.channels, next);
          output.expect(i, n, k, columns);
          multiply<M>(n, columns, scratch + (long)(i - from) * lda, lda, &origin, 1, steps,
                      w + panel * panelWords, c, following(after, panelWords, tile, tiles));
          output.write(c, n, i, k, columns);
        }
      }
    }
  }
};

}  // namespace

KERNELS(tiled_pointwise, Product, run)
