// Products of bfloat16 pairs in AMX's tile registers: 32 rows and 32 columns in four accumulators of 16 x 16.
//
// A row of 16 words of A, 32 bfloat16, is loaded as it lies; 16 steps of a panel of B are already in the order that
// TDPBF16PS wants, pairs of one column side by side. Channels are rounded up to kDepth, so that every tile is full.
// Where the CPU has no AMX, Twin does what Intel's manual says of each instruction: the same code is tested everywhere.
#pragma once

#include "microkernel.h"

namespace host {

#ifdef __AVX2__

// One row of the twin's registers is one of AMX's: 64 bytes.
struct Twin {
  struct Tile {
    alignas(64) float row[16][16];
  };
  static inline thread_local Tile tiles[8];

  template <int T>
  static void zero() {
    std::memset(&tiles[T], 0, sizeof(Tile));
  }
  template <int T>
  static void load(const void* at, long stride) {
    for (int i = 0; i < 16; i++) std::memcpy(tiles[T].row[i], (const char*)at + i * stride, 64);
  }
  template <int T>
  static void save(void* at, long stride) {
    for (int i = 0; i < 16; i++) std::memcpy((char*)at + i * stride, tiles[T].row[i], 64);
  }

  // Denormals count as zero in operands and results: two bits of MXCSR say so.
  template <int C, int A, int B>
  static void multiply() {
    const unsigned control = _mm_getcsr();
    _mm_setcsr(control | 0x8040);
    multiply(tiles[C], tiles[A], tiles[B]);
    _mm_setcsr(control);
  }

 private:
  // The even and the odd halves of pairs are summed apart, from zero; then both sums, and the accumulator.
  __attribute__((noinline)) static void multiply(Tile& sums, const Tile& x, const Tile& y) {
    for (int m = 0; m < 16; m++) {
      for (int n = 0; n < 16; n += kLanes) {
        Vec even = host::zero();
        Vec odd = host::zero();
        for (int k = 0; k < 16; k++) {
          const Vec b = host::load(&y.row[k][n]);
          const Vec a = splat(x.row[m][k]);
          even = fma(low(a), low(b), even);
          odd = fma(high(a), high(b), odd);
        }
        float* to = &sums.row[m][n];
        store(to, add(host::load(to), add(even, odd)));
      }
    }
  }

  using Bits = int __attribute__((vector_size(sizeof(Vec))));
  static Vec low(Vec pairs) { return (Vec)((Bits)pairs << 16); }
  static Vec high(Vec pairs) { return (Vec)((Bits)pairs & (int)0xffff0000); }
};

#ifdef __AVX512F__
// The instructions; they run where Java found them, and the system's permission (TiledCpu).
struct Amx {
  // All registers 16 rows of 64 bytes, for this thread while a block runs.
  Amx() {
    struct {
      uint8_t palette = 1, start = 0, reserved[14] = {};
      uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } shape;
    asm volatile("ldtilecfg %0" ::"m"(shape));
  }
  ~Amx() { asm volatile("tilerelease"); }

  template <int T>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(T));
  }
  template <int T>
  static void load(const void* at, long stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(at), "r"(stride), "i"(T) : "memory");
  }
  template <int T>
  static void save(void* at, long stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(at), "r"(stride), "i"(T) : "memory");
  }
  template <int C, int A, int B>
  static void multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
  }
};
#endif

// How A is kept, and multiplied (microkernel.h), on Unit: Amx or its twin.
template <class Unit>
struct Tiles {
  using Scope = Unit;
  static constexpr int kPerWord = 2;
  static constexpr int kRows = 32;
  static constexpr int kDepth = 32;

  static void write(float* p, Vec v) {
#ifdef __AVX512F__
    if constexpr (std::is_same_v<Unit, Amx>) return Pairs::write(p, v);
#endif
    store16((uint16_t*)p, narrowBf16(v));
  }

  // As host::multiply. Rows up to the next 16 are read and computed, too.
  static void multiply(int rows, int columns, const float* a, long lda, const int* offset, int taps, int steps,
                       const float* b, float* c) {
    if (rows > 16) {
      columns > 16 ? tile<2, 2>(a, lda, offset, taps, steps, b, c) : tile<2, 1>(a, lda, offset, taps, steps, b, c);
    } else {
      columns > 16 ? tile<1, 2>(a, lda, offset, taps, steps, b, c) : tile<1, 1>(a, lda, offset, taps, steps, b, c);
    }
  }

 private:
  // Accumulators are registers 0 to 3, rows of A 4 and 5, columns of B 6 and 7.
  template <int Down, int Across>
  __attribute__((noinline)) static void tile(const float* a, long lda, const int* offset, int taps, int steps,
                                             const float* b, float* c) {
    const long pitch = lda * sizeof(float);
    Unit::template zero<0>();
    if constexpr (Across > 1) Unit::template zero<1>();
    if constexpr (Down > 1) Unit::template zero<2>();
    if constexpr (Down > 1 && Across > 1) Unit::template zero<3>();
    for (int t = 0; t < taps; t++) {
      const float* p = a + offset[t];
      for (int k = 0; k < steps; k += 16) {
        Unit::template load<4>(p + k, pitch);
        if constexpr (Down > 1) Unit::template load<5>(p + k + 16 * lda, pitch);
        Unit::template load<6>(b, kPanel * sizeof(float));
        if constexpr (Across > 1) Unit::template load<7>(b + 16, kPanel * sizeof(float));
        b += 16 * kPanel;
        Unit::template multiply<0, 4, 6>();
        if constexpr (Across > 1) Unit::template multiply<1, 4, 7>();
        if constexpr (Down > 1) Unit::template multiply<2, 5, 6>();
        if constexpr (Down > 1 && Across > 1) Unit::template multiply<3, 5, 7>();
      }
    }
    constexpr long kPitch = kPanel * sizeof(float);
    Unit::template save<0>(c, kPitch);
    if constexpr (Across > 1) Unit::template save<1>(c + 16, kPitch);
    if constexpr (Down > 1) Unit::template save<2>(c + 16 * kPanel, kPitch);
    if constexpr (Down > 1 && Across > 1) Unit::template save<3>(c + 16 * kPanel + 16, kPitch);
  }
};

#endif

}  // namespace host
