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
// `rows` and `strip` are even).
#include "convolution.h"
#include "kernel.h"

namespace {

using namespace host;

template <class S>
struct Output {
  static constexpr bool kWholePixels = false;
  typename S::Element* y;
  const float* bias;
  int pitch, rectified;
  const typename S::Element* residual;
  int residualPitch;

  void prefetch(long, Share) const {}

  __attribute__((always_inline)) void expect(long q, int n, int k, int columns) const {
    prefetchRows(y + q * pitch + k, pitch, columns, Share(n, 0, 1));
    if (residual != nullptr) {
      prefetchRows(residual + q * residualPitch + k, residualPitch, columns, Share(n, 0, 1));
    }
  }

  void write(const float* sums, int n, long q, int k, int columns) {
    for (int i = 0; i < n; i++) {
      writeRow<S>(sums + i * kPanel, columns, bias == nullptr ? nullptr : bias + k, rectified,
                  y + (q + i) * pitch + k,
                  residual == nullptr ? nullptr : residual + (q + i) * residualPitch + k);
    }
  }
};

template <class M, class S, bool Winograd = false>
void convolve(const ConvolutionShape& shape, const Image<S>& image, const float* w, int group,
              Output<S> output, float* scratch, int block, int firstPanel, int lastPanel) {
  const float* filters = w + group * filterWords<M>(shape, Winograd);
  Convolution<M, S, Output<S>, Winograd>(shape, image, filters, scratch, output, firstPanel,
                                         lastPanel)
      .run(block);
}

template <class S>
void choose(const ConvolutionShape& shape, Image<S> image, const float* w, Output<S> output,
            int form, int panels, float* scratch, int block, int group, int range) {
  image.at += group * shape.channels;
  image.scale += group * shape.channels;
  image.shift += group * shape.channels;
  output.y += group * shape.outputs;
  if (output.bias != nullptr) output.bias += group * shape.outputs;
  if (output.residual != nullptr) output.residual += group * shape.outputs;
  const auto run = form == kWinograd ? convolve<Floats, S, true>
#ifdef __AVX512F__
                   : form == kPairs ? convolve<Pairs, S>
#endif
                                    : convolve<Floats, S>;
  run(shape, image, w, group, output, scratch, block, range * panels, (range + 1) * panels);
}

}  // namespace

#define CONVOLUTION(name, S)                                                                       \
  extern "C" __global__ void name(                                                                 \
      const S::Element* x, S::Element* y, const float* scale, const float* shift, const float* w,  \
      const float* bias, int height, int width, int outHeight, int outWidth, int xPitch,           \
      int yPitch, int channels, int outputs, int kernelH, int kernelW, int stride, int padH,       \
      int padW, int prologue, int rectified, int merged, int rows, int strip, int form,            \
      int panels, const S::Element* residual, int residualPitch) {                                 \
    DYNAMIC_SHARED(float, scratch);                                                                \
    const ConvolutionShape shape{height,  width,   outHeight, outWidth, channels, outputs, kernelH, \
                                 kernelW, stride,  padH,      padW,     merged,   rows,    strip};  \
    const Image<S> image{x,        height, width, xPitch, channels, padW,                          \
                         prologue, scale,  shift, merged};                                         \
    const Output<S> output{y, bias, yPitch, rectified, residual, residualPitch};                   \
    choose<S>(shape, image, w, output, form, panels, scratch, blockIdx.x, blockIdx.y, blockIdx.z); \
  }                                                                                                \
  HOST_KERNEL_LOOP(name)

CONVOLUTION(tiled_convolution_f32, F32)
CONVOLUTION(tiled_convolution_bf16, Bf16)
CONVOLUTION(tiled_convolution_f16, F16)
