// Convolution of any kernel, stride, padding and groups, from and into channel views:
//
//     y = relu?(conv(prologue(x), w) + bias + residual), padding zero after the prologue
//
// Launch: grid.x blocks of (image, `rows` output rows), grid.y groups, grid.z ranges of `panels`
// panels of filters, one thread a block. A block works in strips of `strip` output rows
// (convolution.h).
//
// Scratch, in 32-bit words: one tile of sums (Winograd: frontWords), then ((strip - 1) * stride + R) x (W + 2 * padW)
// packed pixels, and one pixel more, which the last window of an odd row reads. w: for each group,
// panels (microkernel.h) of taps x channels, a tap's channels rounded up to kDepth; with merged > 0 a
// tap is a whole kernel row of merged * S elements, rounded up to 2. bias and residual may be null.
// form: 0 floats, 1 pairs of bfloat16, 2 floats with Winograd's w of 16 taps (3x3, stride 1; then
// `rows` and `strip` are even), 3 pairs in AMX's tiles, 4 in their twin (amx.h).
#include "convolution.h"
#include "kernel.h"

namespace {

using namespace host;

template <class M, class S, bool Winograd = false>
void convolve(const ConvolutionShape& shape, const Image<S>& image, const float* w, int group,
              Output<S> output, float* scratch, int block, int firstPanel, int lastPanel) {
  const float* filters = w + group * filterWords<M>(shape, Winograd);
  Convolution<M, S, Output<S>, Winograd>(shape, image, filters, scratch, output, firstPanel,
                                         lastPanel)
      .run(block);
}

template <class S>
struct Parameters {
  Image<S> image;
  const float* w;
  Output<S> output;
  ConvolutionShape shape;
  int form, panels;

  static constexpr bool kHalves = std::is_same_v<S, Bf16>;  // which alone have tiles

  void run() const {
    DYNAMIC_SHARED(float, scratch);
    const int group = blockIdx.y, first = group * shape.outputs;
    Image<S> from = image;
    from.at += group * shape.channels;
    from.scale += group * shape.channels;
    from.shift += group * shape.channels;
    Output<S> to = output;
    to.y += first;
    if (to.bias != nullptr) to.bias += first;
    if (to.residual != nullptr) to.residual += first;
    const auto choice = form == kWinograd ? convolve<Floats, S, true>
#ifdef __AVX512F__
                        : form == kPairs ? convolve<Pairs, S>
                        : form == kTiles ? convolve<std::conditional_t<kHalves, Tiles<Amx>, Floats>, S>
#endif
#ifdef __AVX2__
                        : form == kTwin ? convolve<std::conditional_t<kHalves, Tiles<Twin>, Floats>, S>
#endif
                                         : convolve<Floats, S>;
    choice(shape, from, w, group, to, scratch, blockIdx.x, blockIdx.z * panels,
           (blockIdx.z + 1) * panels);
  }
};

}  // namespace

KERNELS(tiled_convolution, Parameters, run)
