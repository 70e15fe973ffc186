// The gradient of a convolution of stride 1 by its input, through its prologue:
//
//     v = conv(g, w'), w' = filters turned by half a turn, inputs and outputs exchanged
//     dz = v where s*x + t > 0 (prologue with ReLU), else v
//     dx = s*dz + a;  sums of dz and dz*(x - mean) over all pixels, for each channel
//
// Launch of tiled_dgrad: as tiled_convolution, of g with padding R - 1 - pad and, for each group,
// panels over its input channels; form: floats, Winograd, or AMX's tiles (tiled_convolution.cpp). Every block has its own partial sums, [2][channels]; a block is
// the same whatever the number of threads. tiled_dgrad_sums adds them in the order of the blocks.
#include "convolution.h"
#include "kernel.h"

namespace {

using namespace host;

template <class S>
struct Through {
  static constexpr bool kWholePixels = true;
  using E = typename S::Element;
  E* dx;
  const E *x, *a;  // x null: no prologue; a null: nothing to be added
  const float *scale, *shift, *mean;
  float *sum, *moment;  // of the block
  int pitch, xPitch, aPitch, rectified, outputs;

  // What pixels from q on will be combined with.
  __attribute__((always_inline)) void prefetch(long q, Share rows) const {
    if (x == nullptr) return;
    prefetchRows(x + q * xPitch, xPitch, outputs, rows);
    prefetchRows(dx + q * pitch, pitch, outputs, rows);
  }

  void write(const float* sums, int n, long q, int k, int columns) {
    for (int j = 0; j < columns; j += kLanes) {
      if (columns - j >= kLanes) {
        column<kLanes>(sums + j, n, q, k + j, kLanes);
      } else {
        column<0>(sums + j, n, q, k + j, columns - j);
      }
    }
  }

 private:
  template <int Whole>
  void column(const float* v, int n, long q, int k, int some) {
    const int count = Whole > 0 ? Whole : some;
    E* to = dx + q * pitch + k;
    const E* from = a == nullptr ? nullptr : a + q * aPitch + k;
    if (x == nullptr) {
      for (int i = 0; i < n; i++) put(to + (long)i * pitch, load(v + i * kPanel), from, i, count);
      return;
    }
    const Vec s = readSome<F32>(scale + k, count);
    const Vec t = readSome<F32>(shift + k, count);
    const Vec m = readSome<F32>(mean + k, count);
    Vec total = readSome<F32>(sum + k, count);
    Vec first = readSome<F32>(moment + k, count);
    Vec tile = zero();
    Vec tileMoment = zero();
    for (int i = 0; i < n; i++) {
      const Vec value = readSome<S>(x + (q + i) * xPitch + k, count);
      Vec dz = load(v + i * kPanel);
      if (rectified) dz = whereAboveZero(fma(value, s, t), dz);
      tile = add(tile, dz);
      tileMoment = fma(dz, value - m, tileMoment);
      put(to + (long)i * pitch, dz * s, from, i, count);
    }
    writeSome<F32>(sum + k, add(total, tile), count);
    writeSome<F32>(moment + k, add(first, tileMoment), count);
  }

  void put(E* to, Vec v, const E* from, int i, int count) {
    if (from != nullptr) v = add(v, readSome<S>(from + (long)i * aPitch, count));
    writeSome<S>(to, v, count);
  }
};

template <class S>
struct Parameters {
  Image<S> g;
  const float* w;
  Through<S> through;  // its sums are at `partial`
  float* partial;
  ConvolutionShape shape;
  int partialPitch, form;

  void run() const {
    DYNAMIC_SHARED(float, scratch);
    const int group = blockIdx.y, first = group * shape.outputs;
    Image<S> from = g;
    from.at += group * shape.channels;
    Through<S> out = through;
    out.dx += first;
    if (out.a != nullptr) out.a += first;
    if (out.x != nullptr) {
      out.x += first;
      out.scale += first;
      out.shift += first;
      out.mean += first;
      out.sum = partial + (long)blockIdx.x * 2 * partialPitch + first;
      out.moment = out.sum + partialPitch;
      std::memset(out.sum, 0, sizeof(float) * shape.outputs);
      std::memset(out.moment, 0, sizeof(float) * shape.outputs);
    }
    if (form == kWinograd) return convolve<Floats, true>(from, out, scratch);
    if constexpr (std::is_same_v<S, Bf16>) {
#ifdef __AVX512F__
      if (form == kTiles) return convolve<Tiles<Amx>, false>(from, out, scratch);
#endif
#ifdef __AVX2__
      if (form == kTwin) return convolve<Tiles<Twin>, false>(from, out, scratch);
#endif
    }
    convolve<Floats, false>(from, out, scratch);
  }

  template <class M, bool Winograd>
  void convolve(const Image<S>& from, Through<S>& out, float* scratch) const {
    const float* filters = w + blockIdx.y * filterWords<M>(shape, Winograd);
    Convolution<M, S, Through<S>, Winograd>(shape, from, filters, scratch, out).run(blockIdx.x);
  }
};

// out[i][c] = the sum over blocks of partial[block][i][c]. One block for each of the two rows.
struct Sums {
  const float* partial;
  float* out;
  int blocks, channels, partialPitch, outPitch;

  void add() const {
    for (int c = 0; c < channels; c += kLanes) {
      Vec sum = zero();
      for (int b = 0; b < blocks; b++) {
        const float* from = partial + ((long)b * 2 + blockIdx.x) * partialPitch + c;
        sum = host::add(sum, readSome<F32>(from, channels - c));
      }
      writeSome<F32>(out + (long)blockIdx.x * outPitch + c, sum, channels - c);
    }
  }
};

}  // namespace

KERNELS(tiled_dgrad, Parameters, run)
KERNEL(tiled_dgrad_sums, Sums, add)
