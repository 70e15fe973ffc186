// The register tile that every tiled kernel of this directory is made of.
//
//     C[i][j] = sum over taps t, steps k of A[i*lda + offset[t] + k] * B[t*steps + k][j]
//
// for up to kMaxRows rows i and one panel of kPanel columns j, accumulated in registers in that
// order. A lies in cache as it is (packed pixels, or an image with a zero halo: a convolution is a
// sum of shifted products, one tap for each kernel position), B is packed in panels, C is a small
// buffer of kPanel columns that the caller's epilogue reads from L1.
//
// A step is one 32-bit word of A: one float, or a pair of bfloat16 multiplied by the pair of B's
// word. 14 rows of 32 columns keep 28 accumulators in AVX-512's 32 registers and read 5 bytes of B
// in a cycle: 115 GFLOP/s fp32 and 229 bf16 on one Zen 4 core at 3.6 GHz, its peak.
#pragma once

#include "simd.h"

#include <algorithm>

namespace host {

constexpr int kLine = 16;   // words of a cache line
constexpr int kPanel = 32;  // columns of a packed panel of B, in every build

// How far ahead B is fetched: filters come from memory, and hardware stops at the end of a page.
constexpr int kSoon = 32 * kPanel;

// What else a tile brings into the L2 cache while it computes, `step` words with each step.
struct Ahead {
  const float* at = nullptr;
  int step = 0;
};

// A part of the panel that follows, for each of the tiles that pass over this one: memory would be
// too slow for the first of them alone, and idle during the others.
inline Ahead following(const float* next, long words, int tile, int tiles) {
  return {next + words * tile / tiles, std::min(ceilDiv(kPanel, tiles), kLine)};
}

#ifdef __AVX512F__
constexpr int kMaxRows = 14;
#else
constexpr int kMaxRows = 6;
#endif

// How A is kept in scratch, and multiplied. A word of A is a float or the bits of two bfloat16.
struct Floats {
  struct Scope {};  // what a thread has while it runs a block
  static constexpr int kPerWord = 1;
  static constexpr int kRows = kMaxRows;
  static constexpr int kDepth = 4;  // a tap's channels are rounded up to this many
  static Vec multiply(Vec acc, Vec a, Vec b) { return fma(a, b, acc); }
  static void write(float* p, Vec v) { store(p, v); }
};

#ifdef __AVX512F__
struct Pairs {
  struct Scope {};
  static constexpr int kPerWord = 2;
  static constexpr int kRows = kMaxRows;
  static constexpr int kDepth = 4;
  static Vec multiply(Vec acc, Vec a, Vec b) {
    return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
  }
  static void write(float* p, Vec v) { store16((uint16_t*)p, (Bits16)_mm512_cvtneps_pbh(v)); }
};
#endif

// One tile with its extents known to the compiler: Rows x (Vectors * kLanes).
template <class M, int Rows, int Vectors>
__attribute__((noinline)) void tile(const float* a, long lda, const int* offset, int taps,
                                    int steps, const float* b, float* c, const float* ahead,
                                    int aheadStep) {
  Vec acc[Rows][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; j++) acc[i][j] = zero();
  }
  for (int t = 0; t < taps; t++) {
    const float* p = a + offset[t];
    const float* after = a + offset[t + 1 < taps ? t + 1 : t];
    for (int done = 0; done < steps; done += kLine) {
      // The next cache line of every row: their order is not one that hardware foresees.
      const float* next = done + kLine < steps ? p + kLine : after;
#pragma GCC unroll 16
      for (int i = 0; i < Rows; i++) __builtin_prefetch(next + i * lda);
      const int n = steps - done < kLine ? steps - done : kLine;
#pragma GCC unroll 2
      for (int k = 0; k < n; k++) {
        Vec w[Vectors];
#pragma GCC unroll 2
        for (int j = 0; j < Vectors; j++) {
          w[j] = load(b + j * kLanes);
          __builtin_prefetch(b + kSoon + j * kLanes, 0, 2);
        }
        __builtin_prefetch(ahead, 0, 2);
        ahead += aheadStep;
        b += kPanel;
#pragma GCC unroll 16
        for (int i = 0; i < Rows; i++) {
          const Vec x = splat(p[i * lda + k]);
#pragma GCC unroll 2
          for (int j = 0; j < Vectors; j++) acc[i][j] = M::multiply(acc[i][j], x, w[j]);
        }
      }
      p += kLine;
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < Vectors; j++) store(c + i * kPanel + j * kLanes, acc[i][j]);
  }
}

using TileFunction = void (*)(const float*, long, const int*, int, int, const float*, float*,
                              const float*, int);

template <class M, int Vectors, int... Rows>
inline TileFunction chooseTile(int rows, std::integer_sequence<int, Rows...>) {
  static constexpr TileFunction kTiles[] = {tile<M, Rows + 1, Vectors>...};
  return kTiles[rows - 1];
}

// The product of `rows` (at most M::kRows) rows and the first `columns` (at most kPanel) columns of
// a panel, as above. C has a row stride of kPanel; columns up to the next vector are written too.
template <class M>
inline void multiply(int rows, int columns, const float* a, long lda, const int* offset, int taps,
                     int steps, const float* b, float* c, Ahead ahead = {}) {
  if constexpr (requires { M::multiply(rows, columns, a, lda, offset, taps, steps, b, c); }) {
    M::multiply(rows, columns, a, lda, offset, taps, steps, b, c);
  } else {
    constexpr auto kRows = std::make_integer_sequence<int, kMaxRows>();
    if (ahead.at == nullptr) ahead.at = b;  // an address that costs no search of the page table
    for (int j = 0; j < columns; j += 2 * kLanes) {
      const bool two = columns - j > kLanes;
      const TileFunction f = two ? chooseTile<M, 2>(rows, kRows) : chooseTile<M, 1>(rows, kRows);
      f(a, lda, offset, taps, steps, b + j, c + j, ahead.at, ahead.step);
    }
  }
}

}  // namespace host
