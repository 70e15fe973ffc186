// The gradient of a convolution by its filters, in fp32, through its prologue:
//
//     dw[k][r][s][c] = sum over output pixels p of g[p][k] * prologue(x)[p * stride + (r, s)][c]
//
// Launch of tiled_wgrad: grid.x blocks of `rows` output rows of the whole batch, grid.y groups, one
// thread a block. A block packs a strip of x, through the prologue, and of g into its worker's
// scratch; for every panel of 32 input channels, tap and 12 outputs the strip's outer products are
// added in registers to its own partial gradient, [outputs][taps][channels, rounded up to 32].
// Blocks are the same whatever the number of threads; tiled_wgrad_sums adds them in their order.
//
// With merged > 0 a tap is a whole kernel row of S * merged elements (strip.h).
// Scratch, in 32-bit words: the packed rows of g, then of x, and one cache line.
#include "kernel.h"
#include "strip.h"

#include <algorithm>

namespace {

using namespace host;

#ifdef __AVX512F__
constexpr int kMaxOutputs = 12;
#else
constexpr int kMaxOutputs = 6;
#endif

// Where a tile reads and writes, in floats from one to the next.
struct Walk {
  int rows, columns;
  long gLine, gPixel, zLine, zPixel, dw;
};

// dw[i][j] += sum over pixels of g[i] * z[j], for i < Outputs, j < Vectors * kLanes.
template <int Outputs, int Vectors>
__attribute__((noinline)) void outer(const Walk& walk, const float* g, const float* z, float* dw) {
  Vec acc[Outputs][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Outputs; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; j++) acc[i][j] = load(dw + i * walk.dw + j * kLanes);
  }
  for (int row = 0; row < walk.rows; row++) {
    const float* p = g + row * walk.gLine;
    const float* q = z + row * walk.zLine;
#pragma GCC unroll 2
    for (int column = 0; column < walk.columns; column++) {
      Vec v[Vectors];
#pragma GCC unroll 2
      for (int j = 0; j < Vectors; j++) v[j] = load(q + j * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < Outputs; i++) {
        const Vec gradient = splat(p[i]);
#pragma GCC unroll 2
        for (int j = 0; j < Vectors; j++) acc[i][j] = fma(gradient, v[j], acc[i][j]);
      }
      p += walk.gPixel;
      q += walk.zPixel;
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Outputs; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; j++) store(dw + i * walk.dw + j * kLanes, acc[i][j]);
  }
}

using OuterFunction = void (*)(const Walk&, const float*, const float*, float*);

template <int Vectors, int... Outputs>
inline OuterFunction chooseOuter(int outputs, std::integer_sequence<int, Outputs...>) {
  static constexpr OuterFunction kTiles[] = {outer<Outputs + 1, Vectors>...};
  return kTiles[outputs - 1];
}

inline void accumulate(const Walk& walk, int outputs, int columns, const float* g, const float* z,
                       float* dw) {
  constexpr auto kOutputs = std::make_integer_sequence<int, kMaxOutputs>();
  for (int j = 0; j < columns; j += 2 * kLanes) {
    const OuterFunction f = columns - j > kLanes ? chooseOuter<2>(outputs, kOutputs)
                                                 : chooseOuter<1>(outputs, kOutputs);
    f(walk, g, z + j, dw + j);
  }
}

struct Shape {
  int images, outHeight, outWidth, outputs;  // of one group
  int kernelH, kernelW, stride, padH, rows, strip;
};

template <class S>
class FilterGradient {
 public:
  FilterGradient(const Shape& shape, const Image<S>& x, const Image<S>& g, float* partial,
                 float* scratch)
      : p(shape),
        merged(x.merged > 0),
        g(g, scratch),
        x(x, scratch + (long)p.strip * this->g.line),
        taps(merged ? p.kernelH : p.kernelH * p.kernelW),
        columns(merged ? p.kernelW * x.merged : x.channels),
        dw(partial) {}

  void run(int block) {
    const long words = (long)taps * roundUp(columns, kPanel);
    std::memset(dw, 0, sizeof(float) * p.outputs * words);
    const int last = std::min((block + 1) * p.rows, p.images * p.outHeight);
    const auto* firstX = x.image.at;
    const auto* firstG = g.image.at;
    for (int row = block * p.rows; row < last;) {
      const int image = row / p.outHeight;
      const int from = row % p.outHeight;
      const int to = std::min(p.outHeight, from + last - row);
      x.image.at = firstX + (long)image * x.image.height * x.image.width * x.image.pitch;
      g.image.at = firstG + (long)image * p.outHeight * p.outWidth * g.image.pitch;
      rowsOfImage(from, to, words);
      row += to - from;
    }
  }

 private:
  void rowsOfImage(int first, int last, long words) {
    const int overlap = std::max(p.kernelH - p.stride, 0);
    for (int row = first; row < last; row += p.strip) {
      const int count = std::min(p.strip, last - row);
      x.fill(row * p.stride - p.padH, (count - 1) * p.stride + p.kernelH,
             row > first ? overlap : 0, p.strip * p.stride);
      g.fill(row, count, 0, 0);
      const Walk walk{count,   p.outWidth, g.line, g.pixel, (long)p.stride * x.line,
                      (long)p.stride * x.pixel, words};
      const int parts = ceilDiv(columns, kPanel) * taps * ceilDiv(p.outputs, kMaxOutputs);
      int part = 0;
      for (int c = 0; c < columns; c += kPanel) {
        for (int t = 0; t < taps; t++) {
          const float* z =
              x.packed + c + (merged ? x.offset(t, 0) : x.offset(t / p.kernelW, t % p.kernelW));
          float* to = dw + (long)t * roundUp(columns, kPanel) + c;
          for (int k = 0; k < p.outputs; k += kMaxOutputs) {
            prefetch(row + count, part++, parts);
            accumulate(walk, std::min(kMaxOutputs, p.outputs - k), std::min(kPanel, columns - c),
                       g.packed + k, z, to + k * words);
          }
        }
      }
    }
  }

  // Some of the strip that begins with output row `row`.
  __attribute__((always_inline)) void prefetch(int row, int part, int parts) const {
    const long firstX = ((long)row * p.stride - p.padH + p.kernelH - p.stride) * x.image.width;
    prefetchRows(x.image.at + firstX * x.image.pitch, x.image.pitch, x.image.channels,
                 Share(p.strip * p.stride * x.image.width, part, parts));
    prefetchRows(g.image.at + (long)row * p.outWidth * g.image.pitch, g.image.pitch, p.outputs,
                 Share(p.strip * p.outWidth, part, parts));
  }

  const Shape& p;
  const bool merged;
  Strip<Floats, S> g, x;
  const int taps, columns;
  float* const dw;
};

template <class S>
void gradient(const Shape& shape, Image<S> x, Image<S> g, float* partial, float* scratch,
              int block, int blocks, int group) {
  const int taps = x.merged > 0 ? shape.kernelH : shape.kernelH * shape.kernelW;
  const int columns = roundUp(x.merged > 0 ? shape.kernelW * x.merged : x.channels, kPanel);
  x.at += group * x.channels;
  x.scale += group * x.channels;
  x.shift += group * x.channels;
  g.at += group * shape.outputs;
  partial += ((long)group * blocks + block) * shape.outputs * taps * columns;
  FilterGradient<S>(shape, x, g, partial, scratch).run(block);
}

}  // namespace

#define WGRAD(name, S)                                                                             \
  extern "C" __global__ void name(                                                                 \
      const S::Element* g, const S::Element* x, const float* scale, const float* shift,            \
      float* partial, int images, int height, int width, int outHeight, int outWidth, int gPitch,  \
      int xPitch, int channels, int outputs, int kernelH, int kernelW, int stride, int padH,       \
      int padW, int prologue, int merged, int rows, int strip) {                                   \
    DYNAMIC_SHARED(float, scratch);                                                                \
    const Shape shape{images,  outHeight, outWidth, outputs, kernelH,                              \
                      kernelW, stride,    padH,     rows,    strip};                               \
    const Image<S> in{x,        height, width, xPitch, channels, padW,                             \
                      prologue, scale,  shift, merged};                                            \
    const Image<S> out{g, outHeight, outWidth, gPitch, outputs, 0, kNone, nullptr, nullptr, 0};    \
    gradient<S>(shape, in, out, partial, scratch, blockIdx.x, gridDim.x, blockIdx.y);              \
  }                                                                                                \
  HOST_KERNEL_LOOP(name)

WGRAD(tiled_wgrad_f32, F32)
WGRAD(tiled_wgrad_bf16, Bf16)
WGRAD(tiled_wgrad_f16, F16)

// A row of dw, which has `runs` runs of `channels` from `pitch` to `pitch`, from the sum over blocks
// of rows of partial gradients, whose runs lie `run` apart. Launch: one block for each output,
// grid.y groups.
extern "C" __global__ void tiled_wgrad_sums(const float* partial, float* dw, int blocks, int taps,
                                            int partialPitch, int runs, int run, int channels,
                                            int pitch) {
  const long words = (long)taps * partialPitch;
  const long step = gridDim.x * words;
  partial += blockIdx.y * blocks * step + blockIdx.x * words;
  dw += ((long)blockIdx.y * gridDim.x + blockIdx.x) * taps * runs * pitch;
  for (int t = 0; t < taps; t++) {
    for (int r = 0; r < runs; r++) {
      for (int c = 0; c < channels; c += kLanes) {
        const float* from = partial + t * partialPitch + r * run + c;
        Vec sum = zero();
        for (int b = 0; b < blocks; b++) {
          sum = add(sum, readSome<F32>(from + b * step, channels - c));
        }
        writeSome<F32>(dw + ((long)t * runs + r) * pitch + c, sum, channels - c);
      }
    }
  }
}
HOST_KERNEL_LOOP(tiled_wgrad_sums)
