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
// winograd: a 3x3 of stride 1 and even width in that form (winograd.h); the partial gradient has 16
// taps, its sums are transformed. With merged > 0 a tap is a whole kernel row of S * merged elements (strip.h).
// Scratch, in 32-bit words: the packed rows of g, then of x, and two cache lines; Winograd: before
// them 16 matrices of kWindows pixels of g, and of x.
#include "kernel.h"
#include "strip.h"
#include "winograd.h"

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

constexpr int kWindows = 32;

template <class S>
class FilterGradient {
 public:
  FilterGradient(const ConvolutionShape& shape, int images, bool winograd, const Image<S>& x,
                 const Image<S>& g, float* partial, float* scratch)
      : p(shape),
        images(images),
        winograd(winograd),
        merged(x.merged > 0),
        gWindows(scratch),
        xWindows(gWindows + kPositions * matrix(p.outputs)),
        g(g, winograd ? xWindows + kPositions * matrix(x.channels) : scratch),
        x(x, this->g.packed + (long)p.strip * this->g.line),
        taps(winograd ? kPositions : merged ? p.kernelH : p.kernelH * p.kernelW),
        columns(merged ? p.kernelW * x.merged : x.channels),
        dw(partial) {}

  void run(int block) {
    const long words = (long)taps * roundUp(columns, kPanel);
    std::memset(dw, 0, sizeof(float) * p.outputs * words);
    const int last = std::min((block + 1) * p.rows, images * p.outHeight);
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
      const int some = std::min(p.strip, last - row);
      const int count = winograd ? roundUp(some, 2) : some;
      x.fill(row * p.stride - p.padH, (count - 1) * p.stride + p.kernelH,
             row > first ? overlap : 0, p.strip * p.stride);
      g.fill(row, some, 0, 0);
      if (count > some) g.pack(-1, some);
      if (winograd) {
        addWindows(row, count, words);
        continue;
      }
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

  // The strip in 2x2 windows, kWindows of them at a time.
  void addWindows(int row, int count, long words) {
    const int across = p.outWidth / 2;
    const int windows = count / 2 * across;
    const int groups = ceilDiv(windows, kWindows);
    const long gMatrix = matrix(p.outputs);
    const long xMatrix = matrix(columns);
    for (int group = 0; group < groups; group++) {
      const int first = windows * group / groups;
      const int n = windows * (group + 1) / groups - first;
      for (int i = 0; i < n; i++) {
        const int r = (first + i) / across * 2;
        const int s = (first + i) % across * 2;
        transformGradient(g.packed + g.offset(r, s), g.line, g.pixel, p.outputs,
                          gWindows + (long)i * g.pixel, gMatrix);
        transformInput(x.packed + x.offset(r, s), x.line, x.pixel, columns,
                       xWindows + (long)i * x.pixel, xMatrix);
      }
      const Walk walk{1, n, 0, g.pixel, 0, x.pixel, words};
      for (int t = 0; t < kPositions; t++) {
        prefetch(row + count, group * kPositions + t, groups * kPositions);
        for (int c = 0; c < columns; c += kPanel) {
          for (int k = 0; k < p.outputs; k += kMaxOutputs) {
            accumulate(walk, std::min(kMaxOutputs, p.outputs - k), std::min(kPanel, columns - c),
                       gWindows + t * gMatrix + k, xWindows + t * xMatrix + c,
                       dw + k * words + (long)t * roundUp(columns, kPanel) + c);
          }
        }
      }
    }
  }

  static long matrix(int channels) { return (long)kWindows * pixelWords<Floats>(channels); }

  // Some of the strip that begins with output row `row`.
  __attribute__((always_inline)) void prefetch(int row, int part, int parts) const {
    const long firstX = ((long)row * p.stride - p.padH + p.kernelH - p.stride) * x.image.width;
    prefetchRows(x.image.at + firstX * x.image.pitch, x.image.pitch, x.image.channels,
                 Share(p.strip * p.stride * x.image.width, part, parts));
    prefetchRows(g.image.at + (long)row * p.outWidth * g.image.pitch, g.image.pitch, p.outputs,
                 Share(p.strip * p.outWidth, part, parts));
  }

  const ConvolutionShape& p;
  const int images;
  const bool winograd;
  const bool merged;
  float *const gWindows, *const xWindows;
  Strip<Floats, S> g, x;
  const int taps, columns;
  float* const dw;
};

template <class S>
struct Parameters {
  Image<S> x, g;
  float* partial;
  ConvolutionShape shape;
  int images, winograd;

  void run() const {
    DYNAMIC_SHARED(float, scratch);
    const int group = blockIdx.y;
    const int taps = winograd ? kPositions
                     : x.merged > 0 ? shape.kernelH
                                    : shape.kernelH * shape.kernelW;
    const int columns = roundUp(x.merged > 0 ? shape.kernelW * x.merged : x.channels, kPanel);
    Image<S> from = x;
    from.at += group * x.channels;
    from.scale += group * x.channels;
    from.shift += group * x.channels;
    Image<S> gradient = g;
    gradient.at += group * shape.outputs;
    const long words = (long)shape.outputs * taps * columns;
    float* mine = partial + ((long)group * gridDim.x + blockIdx.x) * words;
    FilterGradient<S>(shape, images, winograd, from, gradient, mine, scratch).run(blockIdx.x);
  }
};

inline Vec sumOfBlocks(const float* from, int blocks, long step, int count) {
  Vec sum = zero();
  for (int b = 0; b < blocks; b++) sum = add(sum, readSome<F32>(from + b * step, count));
  return sum;
}

// A row of dw, which has `runs` runs of `channels` from `pitch` to `pitch`, from the sum over blocks
// of rows of partial gradients, whose runs lie `run` apart. Launch: one block for each output,
// grid.y groups. winograd: from 16 partial taps to nine.
struct Sums {
  const float* partial;
  float* dw;
  int blocks, taps, partialPitch, runs, run, channels, pitch, winograd;

  void add() const {
    const long words = (long)taps * partialPitch;
    const long step = gridDim.x * words;
    const float* parts = partial + blockIdx.y * blocks * step + blockIdx.x * words;
    const int rows = winograd ? 9 : taps * runs;
    float* to = dw + ((long)blockIdx.y * gridDim.x + blockIdx.x) * rows * pitch;
    for (int c = 0; c < channels; c += kLanes) {
      const int count = channels - c;
      if (winograd) {
        Vec u[kPositions];
        Vec nine[9];
        for (int t = 0; t < kPositions; t++) {
          u[t] = sumOfBlocks(parts + t * partialPitch + c, blocks, step, count);
        }
        transformFilters(u, nine);
        for (int t = 0; t < 9; t++) writeSome<F32>(to + (long)t * pitch + c, nine[t], count);
        continue;
      }
      for (int r = 0; r < rows; r++) {
        const float* from = parts + r / runs * partialPitch + r % runs * run + c;
        writeSome<F32>(to + (long)r * pitch + c, sumOfBlocks(from, blocks, step, count), count);
      }
    }
  }
};

}  // namespace

KERNELS(tiled_wgrad, Parameters, run)
KERNEL(tiled_wgrad_sums, Sums, add)
