// Vectors of float as wide as the build allows, and the three storage types of activations.
//
// One source serves all builds of the host kernels: x86-64-v4 (AVX-512, 16 lanes, 32 registers),
// x86-64-v3 (AVX2, 8 lanes, 16 registers), and others by the compiler's own vectors of 4 lanes.
// Arithmetic is always fp32 except in dot products of bfloat16 pairs, which live in microkernel.h.
#pragma once

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>
#include <utility>

#ifdef __AVX512F__
// For the explicit intrinsics of bfloat16 pairs only: they run where pairsSupported() says so.
#pragma GCC target("avx512bf16")
// GCC 12 warns of its own _mm512 intrinsics.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// A kernel that calls the method of its parameters, one struct (docs/kernels.md); and one for each storage type.
#define KERNEL(name, Parameters, method)                                        \
  extern "C" __global__ void name(const Parameters p) { p.method(); }           \
  HOST_KERNEL_LOOP(name)
#define KERNELS(name, Parameters, method)         \
  KERNEL(name##_f32, Parameters<F32>, method)     \
  KERNEL(name##_bf16, Parameters<Bf16>, method)   \
  KERNEL(name##_f16, Parameters<F16>, method)

namespace host {

#ifdef __AVX512F__

using Vec = __m512;
constexpr int kLanes = 16;

inline Vec zero() { return _mm512_setzero_ps(); }
inline Vec splat(float v) { return _mm512_set1_ps(v); }
inline Vec load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec maxOrNan(Vec a, Vec b) {
  return _mm512_mask_mov_ps(max(a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
}
inline Vec whereAboveZero(Vec z, Vec v) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(z, zero(), _CMP_GT_OQ), v);
}

using Bits16 = __m256i;  // as many 16-bit elements as a Vec has lanes
inline Bits16 load16(const uint16_t* p) { return _mm256_loadu_si256((const __m256i*)p); }
inline void store16(uint16_t* p, Bits16 v) { _mm256_storeu_si256((__m256i*)p, v); }
inline Vec widenBf16(Bits16 v) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}
inline Vec widenF16(Bits16 v) { return _mm512_cvtph_ps(v); }
inline Bits16 narrowF16(Vec v) { return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT); }
inline Bits16 narrowBf16(Vec v) {
  // Round to nearest even by adding half a unit; a NaN keeps its sign and becomes quiet.
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i r = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  r = _mm512_mask_or_epi32(r, nan, bits, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16));
}

#elif defined(__AVX2__)

using Vec = __m256;
constexpr int kLanes = 8;

inline Vec zero() { return _mm256_setzero_ps(); }
inline Vec splat(float v) { return _mm256_set1_ps(v); }
inline Vec load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec maxOrNan(Vec a, Vec b) {
  return _mm256_blendv_ps(max(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}
inline Vec whereAboveZero(Vec z, Vec v) {
  return _mm256_and_ps(_mm256_cmp_ps(z, zero(), _CMP_GT_OQ), v);
}

using Bits16 = __m128i;
inline Bits16 load16(const uint16_t* p) { return _mm_loadu_si128((const __m128i*)p); }
inline void store16(uint16_t* p, Bits16 v) { _mm_storeu_si128((__m128i*)p, v); }
inline Vec widenBf16(Bits16 v) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}
inline Vec widenF16(Bits16 v) { return _mm256_cvtph_ps(v); }
inline Bits16 narrowF16(Vec v) { return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT); }
inline Bits16 narrowBf16(Vec v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  __m256i r = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256 nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
  r = _mm256_blendv_epi8(r, quiet, _mm256_castps_si256(nan));
  r = _mm256_srli_epi32(r, 16);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(r, r), 0x08);
  return _mm256_castsi256_si128(packed);
}

#else

typedef float Vec __attribute__((vector_size(16)));
typedef uint32_t Bits32 __attribute__((vector_size(16)));
typedef uint16_t Bits16 __attribute__((vector_size(8)));
constexpr int kLanes = 4;

inline Vec zero() { return Vec{}; }
inline Vec splat(float v) { return Vec{v, v, v, v}; }
inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec add(Vec a, Vec b) { return a + b; }
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }
inline Vec maxOrNan(Vec a, Vec b) { return a == a ? max(a, b) : a; }
inline Vec whereAboveZero(Vec z, Vec v) { return z > 0 ? v : zero(); }

inline Bits16 load16(const uint16_t* p) {
  Bits16 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store16(uint16_t* p, Bits16 v) { std::memcpy(p, &v, sizeof v); }
inline Vec widenBf16(Bits16 v) { return (Vec)(__builtin_convertvector(v, Bits32) << 16); }
inline Bits16 narrowBf16(Vec v) {
  const Bits32 bits = (Bits32)v;
  const Bits32 rounded = bits + 0x7fff + (bits >> 16 & 1);
  return __builtin_convertvector((v == v ? rounded : bits | 0x400000) >> 16, Bits16);
}
inline Vec widenF16(Bits16 v) {
  Vec wide;
  for (int i = 0; i < kLanes; i++) {
    _Float16 half;
    std::memcpy(&half, (const char*)&v + 2 * i, 2);
    wide[i] = (float)half;
  }
  return wide;
}
inline Bits16 narrowF16(Vec v) {
  Bits16 narrow;
  for (int i = 0; i < kLanes; i++) {
    const _Float16 half = (_Float16)v[i];
    std::memcpy((char*)&narrow + 2 * i, &half, 2);
  }
  return narrow;
}

#endif

// relu that lets NaN through, as the reference and the GPU kernels do: max returns its second
// operand when either is NaN.
inline Vec relu(Vec v) { return max(zero(), v); }

// A storage type: how one vector of activations is read and written.
struct F32 {
  using Element = float;
  static Vec read(const float* p) { return load(p); }
  static void write(float* p, Vec v) { store(p, v); }
};

struct Bf16 {
  using Element = uint16_t;
  static Vec read(const uint16_t* p) { return widenBf16(load16(p)); }
  static void write(uint16_t* p, Vec v) { store16(p, narrowBf16(v)); }
};

struct F16 {
  using Element = uint16_t;
  static Vec read(const uint16_t* p) { return widenF16(load16(p)); }
  static void write(uint16_t* p, Vec v) { store16(p, narrowF16(v)); }
};

// The partial forms touch exactly the first `count` elements (0 < count < kLanes); lanes beyond
// read as zero.
#ifdef __AVX512F__

template <class S>
inline Vec readPart(const typename S::Element* p, int count) {
  const __mmask16 mask = (__mmask16)((1u << count) - 1);
  if constexpr (sizeof(*p) == 4) {
    return _mm512_maskz_loadu_ps(mask, p);
  } else {
    alignas(32) uint16_t part[kLanes];
    _mm256_store_si256((__m256i*)part, _mm256_maskz_loadu_epi16(mask, p));
    return S::read(part);
  }
}

template <class S>
inline void writePart(typename S::Element* p, Vec v, int count) {
  const __mmask16 mask = (__mmask16)((1u << count) - 1);
  if constexpr (sizeof(*p) == 4) {
    _mm512_mask_storeu_ps(p, mask, v);
  } else {
    alignas(32) uint16_t part[kLanes];
    S::write(part, v);
    _mm256_mask_storeu_epi16(p, mask, _mm256_load_si256((const __m256i*)part));
  }
}

#else

#ifdef __AVX2__
inline __m256i firstLanes(int count) {
  alignas(32) static constexpr int kMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256((const __m256i*)(kMasks + 8 - count));
}
#endif

template <class S>
inline Vec readPart(const typename S::Element* p, int count) {
#ifdef __AVX2__
  if constexpr (sizeof(*p) == 4) return _mm256_maskload_ps(p, firstLanes(count));
#endif
  typename S::Element part[kLanes] = {};
  std::memcpy(part, p, sizeof(part[0]) * count);
  return S::read(part);
}

template <class S>
inline void writePart(typename S::Element* p, Vec v, int count) {
#ifdef __AVX2__
  if constexpr (sizeof(*p) == 4) return _mm256_maskstore_ps(p, firstLanes(count), v);
#endif
  typename S::Element part[kLanes];
  S::write(part, v);
  std::memcpy(p, part, sizeof(part[0]) * count);
}

#endif

// The first `count` elements, at most a whole vector.
template <class S>
inline Vec readSome(const typename S::Element* p, int count) {
  return count >= kLanes ? S::read(p) : readPart<S>(p, count);
}

template <class S>
inline void writeSome(typename S::Element* p, Vec v, int count) {
  if (count >= kLanes) {
    S::write(p, v);
  } else {
    writePart<S>(p, v, count);
  }
}

constexpr int roundUp(int n, int unit) { return (n + unit - 1) / unit * unit; }
constexpr int ceilDiv(int n, int d) { return (n + d - 1) / d; }

}  // namespace host
